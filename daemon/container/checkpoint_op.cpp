#include "daemon/container/checkpoint_op.hpp"

#include <algorithm>
#include <filesystem>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/process.hpp"
#include "common/text.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/joins.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/container/validate.hpp"
#include "daemon/runtime/criu.hpp"

namespace berth::container {

namespace {

using nlohmann::json;

constexpr std::chrono::minutes kLimit{10};
// Beside criu's images: what a start must know of them. Written last: without it there is no
// checkpoint.
constexpr const char* kDescription = "berth.json";

std::filesystem::path folder_of(const Services& services, const Container& container,
                                const std::filesystem::path& folder) {
  if (folder.empty())
    return services.settings.container_folder(container.id().str()) / "checkpoints";
  if (folder.is_absolute()) return folder.lexically_normal();
  throw Error(ErrorKind::kInvalidArgument,
              "invalid checkpoint directory \"" + folder.native() + "\": must be absolute");
}

std::filesystem::path images_of(const Services& services, const Container& container,
                                const CheckpointName& name) {
  if (!is_valid_name(name.id)) {
    throw Error(ErrorKind::kInvalidArgument, "Invalid checkpoint ID (" + name.id +
                                                 "), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
  }
  return folder_of(services, container, name.folder) / name.id;
}

bool is_checkpoint(const std::filesystem::path& images) {
  return std::filesystem::is_regular_file(images / kDescription);
}

[[noreturn]] void refuse_unknown(const Container& container, const std::string& id) {
  throw Error(ErrorKind::kNotFound,
              "checkpoint " + id + " does not exist for container " + container.name);
}

std::string find_criu() {
  const std::filesystem::path program = find_program("criu");
  if (!program.empty()) return program;
  throw Error(ErrorKind::kNotImplemented,
              "checkpoints need the program criu, which is not installed on this machine");
}

void check_possible(const Services& services, const Container& container) {
  const api::HostConfig& host_config = container.definition.host_config;
  const auto refuse = [](const std::string& what) {
    throw Error(ErrorKind::kNotImplemented, "no checkpoint can be made of a container " + what);
  };
  if (container.has_terminal()) refuse("with a terminal");
  if (host_config.runtime != kOwnRuntime) refuse("of the runtime " + host_config.runtime);
  if (has_user_namespace(host_config, services.settings.user_mapping))
    refuse("with a user namespace");
  for (const std::string& mode :
       {host_config.network_mode, host_config.pid_mode, host_config.ipc_mode}) {
    if (!joined_name(mode).empty()) refuse("that shares namespaces of another (" + mode + ")");
  }
}

void check_running(const Container& container) {
  if (container.state.status == Status::kRunning && container.shim) return;
  throw Error(ErrorKind::kConflict,
              "cannot checkpoint container " + container.name + ": it is " +
                  (container.state.status == Status::kPaused ? "paused" : "not running"));
}

json spec_of(const Services& services, const Container& container) {
  return build_spec({container.definition,
                     services.settings,
                     services.settings.container_folder(container.id().str()),
                     container.definition.config.hostname,
                     {}});
}

/// Paths of the host over which the container has /dev/null (proc_pid_mountinfo(5)).
std::vector<std::string> masked_files(int pid, const json& spec) {
  std::vector<std::string> files;
  const auto masked = spec["linux"].value("maskedPaths", std::vector<std::string>());
  const std::string mounts = read_file("/proc/" + std::to_string(pid) + "/mountinfo");
  for (const std::string_view line : split(mounts, '\n')) {
    const auto fields = split(line, ' ');
    if (fields.size() < 5 || fields[3] != "/null") continue;
    if (std::find(masked.begin(), masked.end(), fields[4]) != masked.end())
      files.emplace_back(fields[4]);
  }
  return files;
}

/// All that a checkpoint needs, taken on the control thread.
struct Dump {
  std::string program;
  std::filesystem::path images;
  int pid = 0;
  bool leave_running = true;
  json spec;
  std::vector<std::string> streams;
};

std::vector<std::string> dump_command(const Dump& dump, const std::vector<std::string>& masked) {
  std::vector<std::string> command{dump.program,
                                   "dump",
                                   "--tree",
                                   std::to_string(dump.pid),
                                   "--images-dir",
                                   dump.images,
                                   "--log-file",
                                   "dump.log",
                                   "-v2",
                                   "--manage-cgroups=ignore",
                                   "--tcp-established",
                                   "--ext-unix-sk",
                                   "--file-locks",
                                   "--link-remap"};
  if (dump.leave_running) command.emplace_back("--leave-running");
  const auto external = [&](const std::string& what) {
    command.emplace_back("--external");
    command.push_back(what);
  };
  const std::string place = "/proc/" + std::to_string(dump.pid) + "/ns/net";
  const std::string network = std::filesystem::read_symlink(place);  // net:[4026531840]
  if (network != std::filesystem::read_symlink("/proc/self/ns/net").native())
    external("net" + network.substr(network.find('[')) + ":" + runtime::kCriuNetwork);
  for (const json& mount : dump.spec.at("mounts")) {
    if (mount.value("type", "") != "bind") continue;
    const std::string destination = mount.at("destination");
    external("mnt[" + destination + "]:" + destination);
  }
  for (const std::string& file : masked)
    external("mnt[" + file + "]:" + file);
  return command;
}

/// Tells a machine on which criu cannot work from a container that it cannot handle.
[[noreturn]] void explain_failure(const Dump& dump) {
  const std::string reason = runtime::last_criu_error(dump.images / "dump.log");
  ProcessOptions options;
  options.argv = {dump.program, "check"};
  const ProcessResult check = run_process(options);
  if (check.exit_code != 0) {
    throw Error(ErrorKind::kNotImplemented,
                "criu cannot make checkpoints on this machine: " +
                    std::string(trim(check.standard_error.substr(0, 300))));
  }
  throw Error(ErrorKind::kInternal, "criu dump failed: " + reason);
}

/// Blocking. On failure nothing is left.
void write_checkpoint(const Dump& dump) {
  if (!std::filesystem::create_directories(dump.images)) {
    throw Error(ErrorKind::kConflict,
                "checkpoint directory \"" + dump.images.native() + "\" is in use");
  }
  try {
    std::filesystem::permissions(dump.images, std::filesystem::perms::owner_all);
    const std::vector<std::string> masked = masked_files(dump.pid, dump.spec);
    ProcessOptions options;
    options.argv = dump_command(dump, masked);
    options.deadline = kLimit;
    if (run_process(options).exit_code != 0) explain_failure(dump);
    const json description{{"streams", dump.streams}, {"masked_files", masked}};
    write_file_atomic(dump.images / kDescription, description.dump(), 0600);
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(dump.images, ignored);
    throw;
  }
}

Task<> wish_end(Services& services, ContainerPtr container, bool wished) {
  container->state.manually_stopped = wished;
  co_await services.store.save_state(*container);
}

Task<> dump_and_tell(Services& services, ContainerPtr container, Dump dump) {
  // Before it ends: whoever sees that, this daemon or the next, knows that it was wanted.
  const bool before = container->state.manually_stopped;
  if (!dump.leave_running) co_await wish_end(services, container, true);
  std::exception_ptr failure;
  try {
    co_await services.bulk.run([&dump] { write_checkpoint(dump); });
  } catch (...) {
    failure = std::current_exception();
  }
  if (failure) {
    if (!dump.leave_running) co_await wish_end(services, container, before);
    std::rethrow_exception(failure);
  }
  publish(services, *container, "checkpoint");
}

}  // namespace

Task<> create_checkpoint(Services& services, ContainerPtr container,
                         api::CheckpointRequest request) {
  // Half of one is of no use to a client that went away.
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  const CheckpointName name{request.checkpoint_id, request.checkpoint_dir};
  Dump dump;
  dump.images = images_of(services, *container, name);
  const auto exit = container->next_exit;
  {
    const auto lock = co_await container->operations.lock();
    check_running(*container);
    check_possible(services, *container);
    dump.program = find_criu();
    if (is_checkpoint(dump.images)) {
      throw Error(ErrorKind::kConflict, "checkpoint with name " + name.id +
                                            " already exists for container " + container->name);
    }
    dump.pid = container->state.pid;
    dump.leave_running = !request.exit;
    dump.spec = spec_of(services, *container);
    dump.streams = container->shim->state().streams;
    co_await dump_and_tell(services, container, std::move(dump));
  }
  if (request.exit) co_await exit->wait();
}

Task<std::vector<api::CheckpointSummary>> list_checkpoints(Services& services,
                                                           ContainerPtr container,
                                                           std::filesystem::path folder) {
  co_return co_await services.fast.run([place = folder_of(services, *container, folder)] {
    std::vector<api::CheckpointSummary> found;
    std::error_code failure;
    for (const auto& entry : std::filesystem::directory_iterator(place, failure)) {
      if (is_checkpoint(entry.path())) found.push_back({entry.path().filename()});
    }
    std::sort(found.begin(), found.end(),
              [](const auto& left, const auto& right) { return left.name < right.name; });
    return found;
  });
}

Task<> remove_checkpoint(Services& services, ContainerPtr container, CheckpointName name) {
  const auto lock = co_await container->operations.lock();
  const std::filesystem::path images = images_of(services, *container, name);
  const bool removed = co_await services.bulk.run([images] {
    if (!is_checkpoint(images)) return false;
    std::filesystem::remove_all(images);
    return true;
  });
  if (!removed) refuse_unknown(*container, name.id);
}

Task<json> restore_document(Services& services, ContainerPtr container, CheckpointName name) {
  check_possible(services, *container);
  const std::filesystem::path images = images_of(services, *container, name);
  json description = co_await services.fast.run([images] {
    return is_checkpoint(images) ? json::parse(read_file(images / kDescription), nullptr, false)
                                 : json();
  });
  if (!description.is_object()) refuse_unknown(*container, name.id);
  description["program"] = find_criu();
  description["images"] = images;
  co_return description;
}

}  // namespace berth::container
