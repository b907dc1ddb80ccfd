#include "daemon/container/commit_op.hpp"

#include <exception>
#include <filesystem>
#include <utility>
#include <variant>

#include <fcntl.h>
#include <sys/stat.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/log/log.hpp"
#include "common/text.hpp"
#include "daemon/container/archive_op.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/image_config.hpp"
#include "daemon/container/pause_op.hpp"
#include "daemon/image/instructions.hpp"
#include "daemon/image/produced_stream.hpp"
#include "daemon/image/tree_writer.hpp"

namespace berth::container {

namespace {

/// The fields of an image's configuration alone.
api::ContainerConfig request_of(const api::ImageConfig& image) {
  api::ContainerConfig config;
  config.user = image.user;
  config.exposed_ports = image.exposed_ports;
  config.env = image.env;
  config.cmd = image.cmd;
  if (!image.entrypoint.empty()) config.entrypoint = image.entrypoint;
  config.volumes = image.volumes;
  config.working_dir = image.working_dir;
  config.labels = image.labels;
  config.stop_signal = image.stop_signal;
  config.args_escaped = image.args_escaped;
  config.healthcheck = image.healthcheck;
  config.on_build = image.on_build;
  config.shell = image.shell;
  return config;
}

std::filesystem::path writable_files(const Services& services, const Container& container) {
  const storage::RootfsMount mount = services.storage.rootfs(container.id());
  if (const auto* overlay = std::get_if<storage::OverlayMount>(&mount)) return overlay->upper;
  return std::get<storage::BindMount>(mount).path;
}

/// The layer's tar. What vanished since the comparison is left out; the kinds of the others are
/// what they are now.
void write_changes(int out, const Fd& root, const std::vector<storage::Change>& changes) {
  image::TreeWriter writer([out](std::string_view piece) { write_all(out, piece, "layer"); },
                           image::Mounts::kSkip);
  for (const storage::Change& change : changes) {
    const std::string shown = change.path.substr(1);
    if (change.kind == storage::Change::Kind::kDeleted) {
      writer.add_whiteout(shown);
      continue;
    }
    Fd entry;
    try {
      entry = open_in_root(root.get(), change.path, O_PATH | O_NOFOLLOW);
    } catch (const Error& error) {
      if (error.system_error() != ENOENT && error.system_error() != ENOTDIR) throw;
      continue;
    }
    struct stat status{};
    check_errno(::fstat(entry.get(), &status), "fstat", shown);
    // Deleted since then: overlayfs says so by a device 0/0.
    if (S_ISCHR(status.st_mode) && status.st_rdev == 0) {
      writer.add_whiteout(shown);
    } else {
      writer.add_alone(entry.get(), shown);
    }
  }
  writer.finish();
}

void check_committable(const Container& container) {
  const std::string& id = container.id().str();
  if (container.state.status == Status::kDead) {
    throw Error(ErrorKind::kConflict, "You cannot commit container " + id + " which is Dead");
  }
  if (container.removed->settled() || container.state.status == Status::kRemoving) {
    throw Error(ErrorKind::kConflict,
                "You cannot commit container " + id + " which is being removed");
  }
}

/// Lets the container's processes go on, unless somebody else did, or they are gone.
Task<> resume(Services& services, ContainerPtr container) {
  try {
    co_await unpause(services, container);
  } catch (const Error& error) {
    log::debug("container {}: not resumed after a commit: {}", container->name, error.what());
  }
}

Task<image::ImportedImage> make_image(Services& services, ContainerPtr container,
                                      CommitOptions options) {
  const std::filesystem::path files = writable_files(services, *container);
  auto open = [files] { return open_file(files, O_RDONLY | O_DIRECTORY); };
  const auto root = std::make_shared<const Fd>(co_await services.fast.run(std::move(open)));
  image::ChildImage child;
  child.parent = image::ImageId(container->definition.image_id);
  child.config = std::move(options.config);
  child.author = std::move(options.author);
  child.comment = std::move(options.comment);
  child.created_by = std::move(options.created_by);
  child.name = std::move(options.name);
  child.open_layer = [root, found = co_await changes(services, container)] {
    return image::read_produced([root, found](int out) { write_changes(out, *root, found); });
  };
  co_return co_await services.images.importer().add_child(std::move(child));
}

}  // namespace

api::ImageConfig image_config_of(const api::ContainerConfig& config) {
  api::ImageConfig image;
  image.user = config.user;
  image.exposed_ports = config.exposed_ports;
  image.env = config.env;
  image.cmd = config.cmd;
  if (config.entrypoint) image.entrypoint = *config.entrypoint;
  image.volumes = config.volumes;
  image.working_dir = config.working_dir;
  image.labels = config.labels;
  image.stop_signal = config.stop_signal;
  image.args_escaped = config.args_escaped;
  image.healthcheck = config.healthcheck;
  image.on_build = config.on_build;
  image.shell = config.shell;
  return image;
}

api::ImageConfig committed_config(const api::ContainerConfig& container,
                                  const std::optional<api::ContainerConfig>& wanted,
                                  const std::vector<std::string>& changes) {
  const api::ImageConfig own = image_config_of(container);
  api::ImageConfig config = wanted ? image_config_of(*wanted) : own;
  image::apply_instructions(config, changes);
  if (!wanted) return config;
  api::ContainerConfig completed = request_of(config);
  complete_from_image(completed, own);
  return image_config_of(completed);
}

Task<image::ImageId> commit(Services& services, ContainerPtr container, CommitOptions options) {
  // What began is ended, whether or not the client waits for it.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  check_committable(*container);
  if (options.created_by.empty()) options.created_by = join(container->definition.config.cmd, " ");
  const std::string comment = options.comment;
  const std::string reference = options.name ? options.name->familiar() : "";
  const bool pauses = options.pause && container->state.status == Status::kRunning;
  if (pauses) co_await pause(services, container);
  AsyncMutex::Lock lock;
  // One that does not run must neither start nor go meanwhile.
  if (!container->state.is_running()) lock = co_await container->operations.lock();
  image::ImportedImage made;
  std::exception_ptr failure;
  try {
    check_committable(*container);
    made = co_await make_image(services, container, std::move(options));
  } catch (...) {
    failure = std::current_exception();
  }
  lock.unlock();
  if (pauses) co_await resume(services, container);
  if (failure) std::rethrow_exception(failure);
  services.images.publish("create", made.id, made.id.str());
  if (!reference.empty()) services.images.publish("tag", made.id, reference);
  publish(services, *container, "commit",
          {{"comment", comment}, {"imageID", made.id.str()}, {"imageRef", reference}});
  co_return made.id;
}

}  // namespace berth::container
