#include "common/process.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <new>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/file.hpp"
#include "common/text.hpp"

namespace berth {

namespace {

using Clock = std::chrono::steady_clock;

/// Descriptors below 3 would be overwritten by the child's own set-up.
Fd above_standard(Fd fd) {
  if (fd.get() > 2) return fd;
  return own_fd(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 3), "fcntl F_DUPFD_CLOEXEC");
}

std::string_view search_path() {
  const char* const path = std::getenv("PATH");  // NOLINT(concurrency-mt-unsafe)
  return path != nullptr ? path : "/usr/sbin:/usr/bin:/sbin:/bin";
}

Fd duplicate(int fd) {
  return own_fd(::fcntl(fd, F_DUPFD_CLOEXEC, 3), "fcntl F_DUPFD_CLOEXEC");
}

/// The input as a file in memory: no writer is needed while the program runs, hence no SIGPIPE.
Fd make_input(const std::string& data) {
  if (data.empty()) return above_standard(open_file("/dev/null", O_RDONLY));
  Fd file = own_fd(::memfd_create("stdin", MFD_CLOEXEC), "memfd_create");
  write_all(file.get(), data, "standard input");
  check_errno(::lseek(file.get(), 0, SEEK_SET), "lseek");
  return above_standard(std::move(file));
}

class SpawnAttributes {
 public:
  SpawnAttributes() {
    if (posix_spawnattr_init(&attributes_) != 0 || posix_spawn_file_actions_init(&actions_) != 0) {
      throw std::bad_alloc();
    }
  }
  ~SpawnAttributes() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;

  void prepare(int input, int output, int error) {
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    require(posix_spawnattr_setsigmask(&attributes_, &none));
    require(posix_spawnattr_setsigdefault(&attributes_, &all));
    require(posix_spawnattr_setpgroup(&attributes_, 0));
    require(posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
    require(posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO));
    require(posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO));
    require(posix_spawn_file_actions_adddup2(&actions_, error, STDERR_FILENO));
    // A library's descriptor that is not close-on-exec must not leak into the program either.
    require(posix_spawn_file_actions_addclosefrom_np(&actions_, 3));
  }

  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  static void require(int result) {
    if (result != 0) throw_errno("posix_spawn set-up", {}, result);
  }

  posix_spawnattr_t attributes_{};
  posix_spawn_file_actions_t actions_{};
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  result.reserve(texts.size() + 1);
  for (std::string& text : texts)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

pid_t spawn(const ProcessOptions& options, int input, int output, int error) {
  if (options.argv.empty()) throw Error(ErrorKind::kInternal, "no program to run");
  std::vector<std::string> arguments = options.argv;
  std::vector<std::string> environment = options.environment;
  if (environment.empty()) environment.push_back("PATH=" + std::string(search_path()));
  SpawnAttributes set_up;
  set_up.prepare(input, output, error);
  pid_t pid = -1;
  const int result =
      ::posix_spawnp(&pid, arguments.front().c_str(), set_up.actions(), set_up.attributes(),
                     pointers(arguments).data(), pointers(environment).data());
  if (result == ENOENT) {
    throw Error(ErrorKind::kNotFound, "program \"" + arguments.front() + "\" not found", result);
  }
  if (result != 0) throw_errno("cannot run", "\"" + arguments.front() + "\"", result);
  return pid;
}

/// A started program: ended and reaped at the latest when this goes.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ < 0) return;
    end();
    wait_for_end();
  }

  // Until it is reaped, the number cannot mean another process.
  Fd open_pidfd() const {
    return own_fd(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)), "pidfd_open");
  }

  void end() const noexcept { ::kill(-pid_, SIGKILL); }

  int reap() {
    const int status = wait_for_end();
    pid_ = -1;
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  int wait_for_end() const noexcept {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }

  pid_t pid_;
};

/// One output pipe and what came out of it.
struct Capture {
  Fd pipe;
  std::size_t limit;
  std::string text;
  bool truncated = false;

  /// Reads all that is there now; closes the pipe at its end.
  void drain() {
    std::array<char, 16384> buffer{};
    while (pipe) {
      const ssize_t count = ::read(pipe.get(), buffer.data(), buffer.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) {
        pipe.reset();
        return;
      }
      const auto size = static_cast<std::size_t>(count);
      const std::size_t kept = std::min(size, limit - text.size());
      text.append(buffer.data(), kept);
      truncated = truncated || kept < size;
    }
  }
};

int remaining_milliseconds(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, 3'600'000));
}

/// Collects both outputs until the program has ended; false when the deadline came first.
bool collect(int pidfd, Capture& output, Capture& error, Clock::time_point deadline) {
  for (;;) {
    std::array<pollfd, 3> polled{
        {{pidfd, POLLIN, 0}, {output.pipe.get(), POLLIN, 0}, {error.pipe.get(), POLLIN, 0}}};
    const int ready = ::poll(polled.data(), polled.size(), remaining_milliseconds(deadline));
    if (ready < 0 && errno != EINTR) throw_errno("poll");
    const bool ended = ready > 0 && polled[0].revents != 0;
    output.drain();
    error.drain();
    if (ended) return true;
    if (Clock::now() >= deadline) return false;
  }
}

}  // namespace

std::filesystem::path find_program(std::string_view name) {
  for (const std::string_view folder : split(search_path(), ':')) {
    std::filesystem::path path = std::filesystem::path(folder) / name;
    if (::access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path)) return path;
  }
  return {};
}

ProcessResult run_process(const ProcessOptions& options) {
  const Clock::time_point deadline = Clock::now() + options.deadline;
  Pipe output = make_pipe();
  Pipe error = make_pipe();
  Child child = [&] {
    const Fd input = options.standard_input >= 0 ? duplicate(options.standard_input)
                                                 : make_input(options.stdin_data);
    const Fd out = options.standard_output >= 0 ? duplicate(options.standard_output)
                                                : above_standard(std::move(output.write));
    const Fd err = options.standard_error >= 0 ? duplicate(options.standard_error)
                                               : above_standard(std::move(error.write));
    output.write.reset();
    error.write.reset();
    return Child(spawn(options, input.get(), out.get(), err.get()));
  }();
  const Fd pidfd = child.open_pidfd();
  Capture captured_output{std::move(output.read), options.stdout_limit, {}};
  Capture captured_error{std::move(error.read), options.stderr_limit, {}};
  set_nonblocking(captured_output.pipe.get(), true);
  set_nonblocking(captured_error.pipe.get(), true);
  if (!collect(pidfd.get(), captured_output, captured_error, deadline)) {
    throw Error(ErrorKind::kDeadline, "program \"" + options.argv.front() +
                                          "\" did not end within " +
                                          std::to_string(options.deadline.count()) + " ms");
  }
  ProcessResult result;
  result.exit_code = child.reap();
  result.standard_output = std::move(captured_output.text);
  result.standard_error = std::move(captured_error.text);
  result.truncated = captured_output.truncated || captured_error.truncated;
  return result;
}

std::string run_process_checked(const ProcessOptions& options) {
  ProcessResult result = run_process(options);
  if (result.exit_code == 0) return std::move(result.standard_output);
  throw Error(ErrorKind::kInternal, "program \"" + options.argv.front() +
                                        "\" failed with exit code " +
                                        std::to_string(result.exit_code) + ": " +
                                        std::string(trim(result.standard_error)));
}

}  // namespace berth
