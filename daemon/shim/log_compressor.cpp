#include "daemon/shim/log_compressor.hpp"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include "common/error.hpp"
#include "common/file_identity.hpp"
#include "daemon/shim/json_line.hpp"

namespace berth::shim {

namespace {

constexpr std::size_t kChunk = std::size_t{64} * 1024;
constexpr mode_t kLogMode = 0640;
constexpr int kLowPriority = 10;

std::string compressed_name(const std::string& file, int number) {
  return rotated_name(file, number) + ".gz";
}

std::string temporary_name(const std::string& file) {
  return file + ".gz.tmp";
}

bool write_whole(int fd, const unsigned char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t written = ::write(fd, data, size);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    data += written;
    size -= static_cast<std::size_t>(written);
  }
  return true;
}

/// What readers want to know before they read: in the header's extra field, as JSON.
bool compress(int from, int to, std::string extra) {
  std::array<unsigned char, kChunk> input;
  std::array<unsigned char, kChunk> output;
  z_stream stream{};
  constexpr int kGzip = 16;
  constexpr int kMemory = 8;
  if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, MAX_WBITS + kGzip, kMemory,
                     Z_DEFAULT_STRATEGY) != Z_OK)
    return false;
  gz_header header{};
  header.os = 255;  // unknown
  header.extra = reinterpret_cast<Bytef*>(extra.data());
  header.extra_len = static_cast<uInt>(extra.size());
  ::deflateSetHeader(&stream, &header);
  int flush = Z_NO_FLUSH;
  while (flush != Z_FINISH) {
    const ssize_t got = ::read(from, input.data(), input.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return false;
    flush = got == 0 ? Z_FINISH : Z_NO_FLUSH;
    stream.next_in = input.data();
    stream.avail_in = static_cast<uInt>(got);
    do {
      stream.next_out = output.data();
      stream.avail_out = static_cast<uInt>(output.size());
      ::deflate(&stream, flush);
      if (!write_whole(to, output.data(), output.size() - stream.avail_out)) return false;
    } while (stream.avail_out == 0);
  }
  return ::deflateEnd(&stream) == Z_OK;
}

/// The child: holds nothing of the shim's but the two files, and goes with it.
[[noreturn]] void work(int from, int to, std::string extra, pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  constexpr int kFrom = 0;
  constexpr int kTo = 1;
  if (::dup2(from, kFrom) < 0 || ::dup2(to, kTo) < 0) ::_exit(1);
  ::close_range(kTo + 1, ~0U, 0);
  ::setpriority(PRIO_PROCESS, 0, kLowPriority);
  ::_exit(compress(kFrom, kTo, std::move(extra)) ? 0 : 1);
}

}  // namespace

std::string rotated_name(const std::string& file, int number) {
  return number == 0 ? file : file + "." + std::to_string(number);
}

void rename_rotated(int folder, const std::string& file, int from, int to) noexcept {
  const auto renamed = [folder](const std::string& old_name, const std::string& new_name) {
    return ::renameat(folder, old_name.c_str(), folder, new_name.c_str()) == 0;
  };
  const bool plain = renamed(rotated_name(file, from), rotated_name(file, to));
  const bool compressed =
      from > 0 && renamed(compressed_name(file, from), compressed_name(file, to));
  // Of the other kind, an older file may have been there.
  if (plain && !compressed) ::unlinkat(folder, compressed_name(file, to).c_str(), 0);
  if (compressed && !plain) ::unlinkat(folder, rotated_name(file, to).c_str(), 0);
}

LogCompressor::LogCompressor(Loop& loop, int folder, std::string file, int max_file)
    : loop_(loop), folder_(folder), file_(std::move(file)), max_file_(max_file) {}

LogCompressor::~LogCompressor() {
  if (!child_) return;
  loop_.remove(child_.get());
  ::syscall(SYS_pidfd_send_signal, child_.get(), SIGKILL, nullptr, 0);
  siginfo_t info{};
  (void)::waitid(P_PIDFD, static_cast<id_t>(child_.get()), &info, WEXITED);
  ::unlinkat(folder_, temporary_name(file_).c_str(), 0);
}

void LogCompressor::rotated(const timespec& last_time) {
  LineClock clock;
  last_times_.emplace(last_times_.begin(), clock.format(last_time));
  if (last_times_.size() >= static_cast<std::size_t>(max_file_)) last_times_.pop_back();
  if (child_) {
    ++number_;
  } else {
    start_next();
  }
}

/// The newest that is not compressed yet: it stays the longest.
void LogCompressor::start_next() {
  for (int number = 1; number < max_file_; ++number) {
    struct stat status{};
    const std::string name = rotated_name(file_, number);
    if (::fstatat(folder_, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!start(number)) break;  // tried again at the next rotation
    return;
  }
}

bool LogCompressor::start(int number) {
  const Fd from(
      ::openat(folder_, rotated_name(file_, number).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  const Fd to(::openat(folder_, temporary_name(file_).c_str(),
                       O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, kLogMode));
  if (!from || !to) return false;
  std::string extra = "{";
  if (static_cast<std::size_t>(number) <= last_times_.size())
    extra += "\"lastTime\":\"" + last_times_[static_cast<std::size_t>(number) - 1] + "\",";
  extra += "\"identity\":" + std::to_string(file_identity(from.get())) + "}";
  const pid_t parent = ::getpid();
  const pid_t child = ::fork();
  if (child == 0) work(from.get(), to.get(), std::move(extra), parent);
  if (child < 0) return false;
  // Ours until it is reaped, so the number cannot mean another process.
  child_.reset(static_cast<int>(::syscall(SYS_pidfd_open, child, 0)));
  number_ = number;
  try {
    loop_.add(child_.get(), EPOLLIN, [this](std::uint32_t) { on_child_end(); });
  } catch (const Error&) {
    siginfo_t info{};
    (void)::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED);
    child_.reset();
    return false;
  }
  return true;
}

void LogCompressor::on_child_end() {
  siginfo_t info{};
  if (::waitid(P_PIDFD, static_cast<id_t>(child_.get()), &info, WEXITED | WNOHANG) != 0 ||
      info.si_pid == 0)
    return;
  loop_.remove(child_.get());
  child_.reset();
  if (info.si_code != CLD_EXITED || info.si_status != 0) {
    // A full disk, most likely. The next rotation tries again.
    ::unlinkat(folder_, temporary_name(file_).c_str(), 0);
    return;
  }
  put_in_place();
  start_next();
}

void LogCompressor::put_in_place() {
  const std::string temporary = temporary_name(file_);
  if (number_ >= max_file_) {
    // Rotated away meanwhile.
    ::unlinkat(folder_, temporary.c_str(), 0);
    return;
  }
  // In this order, a reader finds one or the other, always.
  if (::renameat(folder_, temporary.c_str(), folder_, compressed_name(file_, number_).c_str()) == 0)
    ::unlinkat(folder_, rotated_name(file_, number_).c_str(), 0);
}

}  // namespace berth::shim
