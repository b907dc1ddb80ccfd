// Owner of a file descriptor. Every descriptor of the project is born close-on-exec and lives in
// one of these.
#pragma once

#include <string_view>
#include <utility>

#include <unistd.h>

namespace berth {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) noexcept : number_(number) {}
  Fd(Fd&& other) noexcept : number_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  int get() const noexcept { return number_; }
  explicit operator bool() const noexcept { return number_ >= 0; }
  [[nodiscard]] int release() noexcept { return std::exchange(number_, -1); }
  void reset(int number = -1) noexcept {
    if (number_ >= 0) ::close(number_);
    number_ = number;
  }

  /// A second descriptor of the same open file, close-on-exec. Throws Error.
  Fd duplicate() const;

 private:
  int number_ = -1;
};

/// Takes what a system call returned: an Fd, or throws throw_errno(call, object).
Fd own_fd(int result, std::string_view call, std::string_view object = {});

struct Pipe {
  Fd read;
  Fd write;
};
/// pipe2(2) with O_CLOEXEC and `flags`. Throws Error.
Pipe make_pipe(int flags = 0);

struct SocketPair {
  Fd first;
  Fd second;
};
/// socketpair(2) of AF_UNIX with SOCK_CLOEXEC. Throws Error.
SocketPair make_socket_pair(int type);

/// Sets or clears O_NONBLOCK. Throws Error.
void set_nonblocking(int fd, bool on);

}  // namespace berth
