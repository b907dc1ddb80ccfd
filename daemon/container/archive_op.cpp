#include "daemon/container/archive_op.hpp"

#include <exception>
#include <filesystem>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "daemon/async/thread_work.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/visit.hpp"
#include "daemon/image/tree_writer.hpp"
#include "daemon/image/unpack_archive.hpp"

namespace berth::container {

namespace {

constexpr std::size_t kPiece = std::size_t{256} * 1024;
constexpr int kPipeSize = 1 << 20;

/// What a path of a request names, held by descriptors (O_PATH): it stays the same whatever the
/// container does to the path.
struct Located {
  Fd folder;
  Fd entry;
};

[[noreturn]] void not_found(const Container& container, const std::string& path) {
  throw Error(ErrorKind::kNotFound,
              "Could not find the file " + path + " in container " + container.name);
}

/// "/a/b" for "a/b", "/a/./b"; ".." stays for the kernel, who knows the links.
std::string absolute(const std::string& path) {
  return path.starts_with('/') ? path : "/" + path;
}

/// The last part is not followed when it is a link, unless "/" or "/." stands behind it.
Located locate(int root, const Container& container, const std::string& given) {
  std::string path = absolute(given);
  const bool whole = path.ends_with('/') || path.ends_with("/.") || path.ends_with("/..");
  const std::size_t slash = path.rfind('/');
  Located located;
  const std::string name = whole ? "." : path.substr(slash + 1);
  const std::string folder = whole ? path : path.substr(0, slash + 1);
  try {
    located.folder = open_in_root(root, folder, O_PATH | O_DIRECTORY);
  } catch (const Error& error) {
    if (error.system_error() == ENOTDIR && whole) {
      throw Error(ErrorKind::kInvalidArgument, "not a directory: " + given);
    }
    not_found(container, given);
  }
  located.entry.reset(
      ::openat(located.folder.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!located.entry) not_found(container, given);
  return located;
}

/// The name that an archive's first entry has.
std::string shown_name(const std::string& path) {
  if (path.ends_with("/.")) return ".";
  const std::filesystem::path clean = std::filesystem::path(absolute(path)).lexically_normal();
  const std::string name =
      clean.has_filename() ? clean.filename().native() : clean.parent_path().filename().native();
  return name.empty() ? "." : name;
}

/// Go's os.FileMode: permissions, and kinds as bits of its own.
std::uint32_t go_mode(mode_t mode) {
  std::uint32_t go = mode & 0777U;
  if (S_ISDIR(mode)) go |= 1U << 31U;
  if (S_ISLNK(mode)) go |= 1U << 27U;
  if (S_ISFIFO(mode)) go |= 1U << 25U;
  if (S_ISSOCK(mode)) go |= 1U << 24U;
  if (S_ISBLK(mode)) go |= 1U << 26U;
  if (S_ISCHR(mode)) go |= (1U << 26U) | (1U << 21U);
  if ((mode & S_ISUID) != 0) go |= 1U << 23U;
  if ((mode & S_ISGID) != 0) go |= 1U << 22U;
  if ((mode & S_ISVTX) != 0) go |= 1U << 20U;
  return go;
}

/// Where a link leads, as a path inside the root: what the kernel says of the opened target.
std::string link_target(int root, const Located& located) {
  std::string text(PATH_MAX, '\0');
  const ssize_t length = ::readlinkat(located.entry.get(), "", text.data(), text.size());
  if (length < 0) return {};
  text.resize(static_cast<std::size_t>(length));
  if (text.starts_with('/')) return text;
  const std::string top = std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(root));
  std::string folder =
      std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(located.folder.get()));
  // Both as seen from the mount namespace of the container's, or of a visit's.
  if (top != "/" && folder.starts_with(top)) folder.erase(0, top.size());
  return (std::filesystem::path("/" + folder) / text).lexically_normal();
}

PathStat stat_located(int root, const Located& located, const std::string& path) {
  struct stat status{};
  check_errno(::fstat(located.entry.get(), &status), "fstat", path);
  PathStat found;
  found.name = shown_name(path) == "." && absolute(path) == "/" ? "/" : shown_name(path);
  found.size = status.st_size;
  found.mode = go_mode(status.st_mode);
  found.modified = Timestamp(std::chrono::seconds(status.st_mtim.tv_sec) +
                             std::chrono::nanoseconds(status.st_mtim.tv_nsec));
  if (S_ISLNK(status.st_mode)) found.link_target = link_target(root, located);
  return found;
}

Pipe make_wide_pipe() {
  Pipe pipe = make_pipe();
  ::fcntl(pipe.read.get(), F_SETPIPE_SZ, kPipeSize);  // a wish
  return pipe;
}

/// Lets `write` make the archive. The client's pace is the thread's: it waits for nothing else.
Task<> send_tree(Services& services, std::function<void()> write) {
  ThreadWork work(services.control, std::move(write));
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  co_await work.finish();
}

Task<> pump_in(Services& services, const Fd& into, const ArchiveSource& source) {
  std::string space(kPiece, '\0');
  for (;;) {
    const std::size_t got = co_await source(std::span(space.data(), space.size()));
    if (got == 0) co_return;
    auto write = [&] { write_all(into.get(), std::string_view(space).substr(0, got), "archive"); };
    co_await services.bulk.run(std::move(write));
  }
}

/// Behind an archive's end more may come, which nobody reads.
bool is_broken_pipe(const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Error& error) {
    return error.system_error() == EPIPE;
  } catch (...) {
    return false;
  }
}

/// The folder to unpack into.
Fd open_destination(int root, const Container& container, const std::string& path) {
  Fd folder;
  try {
    folder = open_in_root(root, absolute(path), O_RDONLY | O_DIRECTORY);
  } catch (const Error& error) {
    if (error.system_error() == ENOTDIR)
      throw Error(ErrorKind::kInvalidArgument, "extraction point is not a directory");
    not_found(container, path);
  }
  struct statvfs status{};
  check_errno(::fstatvfs(folder.get(), &status), "fstatvfs", path);
  // Of a container that does not run, the root is mounted for writing whatever it asked for.
  const bool in_root = !container.state.is_running() && [&] {
    struct stat here{};
    struct stat top{};
    return ::fstat(folder.get(), &here) == 0 && ::fstat(root, &top) == 0 &&
           here.st_dev == top.st_dev;
  }();
  if ((in_root && container.definition.host_config.readonly_rootfs) ||
      ((status.f_flag & ST_RDONLY) != 0 && container.definition.host_config.readonly_rootfs)) {
    throw Error(ErrorKind::kForbidden, "container rootfs is marked read-only");
  }
  if ((status.f_flag & ST_RDONLY) != 0)
    throw Error(ErrorKind::kForbidden, "mounted volume is marked read-only");
  return folder;
}

}  // namespace

Task<PathStat> stat_path(Services& services, ContainerPtr container, std::string path) {
  const Visit visited = co_await visit(services, container, runtime::VisitMounts::kBinds);
  const int root = visited.root.root.get();
  auto look = [&] { return stat_located(root, locate(root, *container, path), path); };
  co_return co_await services.fast.run(std::move(look));
}

Task<> read_archive(Services& services, ContainerPtr container, std::string path,
                    std::function<Task<>(const PathStat&)> begin, ArchiveSink sink) {
  const Visit visited = co_await visit(services, container, runtime::VisitMounts::kBinds);
  const int root = visited.root.root.get();
  Located located;
  auto look = [&] {
    located = locate(root, *container, path);
    return stat_located(root, located, path);
  };
  const PathStat found = co_await services.fast.run(std::move(look));
  co_await begin(found);
  auto write = [&located, shown = shown_name(path), ids = visited.root.ids, &sink] {
    image::TreeWriter writer(sink, image::Mounts::kFollow, ids);
    writer.add(located.entry.get(), shown);
    writer.finish();
  };
  co_await send_tree(services, std::move(write));
  publish(services, *container, "archive-path");
}

Task<> write_archive(Services& services, ContainerPtr container, std::string path,
                     ExtractOptions options, ArchiveSource source) {
  const Visit visited = co_await visit(services, container, runtime::VisitMounts::kBinds);
  const int root = visited.root.root.get();
  Fd folder;
  image::UnpackOptions unpack;
  unpack.keep_kinds = options.keep_kinds;
  unpack.ids = visited.root.ids;
  auto look = [&] {
    folder = open_destination(root, *container, path);
    if (options.own) unpack.owner = runtime::resolve_owner(container->definition.config.user, root);
  };
  co_await services.fast.run(std::move(look));
  Pipe pipe = make_wide_pipe();
  ThreadWork work(services.control, [&folder, unpack, in = std::move(pipe.read)] {
    runtime::create_files_as_root_of(unpack.ids);
    image::unpack_archive(in.get(), folder.get(), unpack);
  });
  std::exception_ptr failure;
  try {
    co_await pump_in(services, pipe.write, source);
  } catch (...) {
    failure = std::current_exception();
  }
  pipe.write.reset();
  co_await asio::this_coro::reset_cancellation_state(asio::disable_cancellation());
  // What the archive did wrong says more than that nobody read the rest of it.
  co_await work.finish();
  if (failure && !is_broken_pipe(failure)) std::rethrow_exception(failure);
  publish(services, *container, "extract-to-dir");
}

Task<std::vector<storage::Change>> changes(Services& services, ContainerPtr container) {
  std::set<std::string> places = {"/dev", "/proc", "/sys", "/.dockerenv"};
  for (const std::string& place : mount_places(services.settings, *container))
    places.insert(place);
  co_return co_await services.storage.changes(container->id(), std::move(places));
}

Task<> export_container(Services& services, ContainerPtr container, std::function<Task<>()> begin,
                        ArchiveSink sink) {
  const Visit visited = co_await visit(services, container, runtime::VisitMounts::kNone);
  co_await begin();
  auto write = [root = visited.root.root.get(), ids = visited.root.ids, &sink] {
    image::TreeWriter writer(sink, image::Mounts::kSkip, ids);
    writer.add_children(root);
    writer.finish();
  };
  co_await send_tree(services, std::move(write));
  publish(services, *container, "export");
}

}  // namespace berth::container
