#include "common/file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "common/error.hpp"
#include "common/ids.hpp"
#include "common/scope_guard.hpp"

namespace berth {

Fd open_file(const std::filesystem::path& path, int flags, mode_t mode) {
  return own_fd(::open(path.c_str(), flags | O_CLOEXEC, mode), "open", path.native());
}

Fd open_at(int directory, const std::string& path, int flags, mode_t mode) {
  return own_fd(::openat(directory, path.c_str(), flags | O_CLOEXEC, mode), "openat", path);
}

Fd open_in_root(int root, const std::string& path, int flags, mode_t mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC);
  how.mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? mode : 0;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  for (;;) {
    const long result = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof how);
    // EAGAIN: a rename elsewhere raced with a ".." on the way; openat2(2) says to try again.
    if (result < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    return own_fd(static_cast<int>(result), "openat2", path);
  }
}

std::string read_all(int fd, std::string_view name, std::size_t limit) {
  std::string content;
  struct stat status{};
  if (::fstat(fd, &status) == 0 && status.st_size > 0) {
    content.reserve(static_cast<std::size_t>(status.st_size) + 1);
  }
  constexpr std::size_t kChunk = std::size_t{64} * 1024;
  for (;;) {
    const std::size_t used = content.size();
    const std::size_t room = content.capacity() > used ? content.capacity() - used : kChunk;
    content.resize(used + room);
    const ssize_t got = ::read(fd, content.data() + used, room);
    content.resize(used + static_cast<std::size_t>(got > 0 ? got : 0));
    if (got == 0) return content;
    if (got < 0 && errno != EINTR) throw_errno("read", name);
    if (content.size() > limit) {
      throw Error(ErrorKind::kTooLarge,
                  std::string(name) + " is larger than " + std::to_string(limit) + " bytes");
    }
  }
}

std::string read_file(const std::filesystem::path& path, std::size_t limit) {
  const Fd file = open_file(path, O_RDONLY);
  return read_all(file.get(), path.native(), limit);
}

void write_all(int fd, std::string_view data, std::string_view name) {
  while (!data.empty()) {
    const ssize_t written = ::write(fd, data.data(), data.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      throw_errno("write", name);
    }
    data.remove_prefix(static_cast<std::size_t>(written));
  }
}

void write_existing(const std::filesystem::path& path, std::string_view data) {
  const Fd file = open_file(path, O_WRONLY);
  check_errno(::write(file.get(), data.data(), data.size()), "write", path.native());
}

void write_file_atomic(const std::filesystem::path& path, std::string_view data, mode_t mode,
                       Durability durability) {
  const std::filesystem::path temporary = path.native() + ".tmp-" + random_hex(6);
  Fd file = open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
  ScopeGuard undo([&] { ::unlink(temporary.c_str()); });
  // The process's umask must not decide the mode of a file that containers read.
  check_errno(::fchmod(file.get(), mode), "fchmod", temporary.native());
  write_all(file.get(), data, temporary.native());
  if (durability == Durability::kDurable)
    check_errno(::fsync(file.get()), "fsync", temporary.native());
  file.reset();
  check_errno(::rename(temporary.c_str(), path.c_str()), "rename", path.native());
  undo.release();
  if (durability == Durability::kDurable) sync_directory(path.parent_path());
}

void sync_directory(const std::filesystem::path& path) {
  const Fd directory = open_file(path, O_RDONLY | O_DIRECTORY);
  check_errno(::fsync(directory.get()), "fsync", path.native());
}

}  // namespace berth
