#include "common/fd.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include "common/error.hpp"

namespace berth {

Fd Fd::duplicate() const {
  return own_fd(::fcntl(number_, F_DUPFD_CLOEXEC, 3), "fcntl", "F_DUPFD_CLOEXEC");
}

Fd own_fd(int result, std::string_view call, std::string_view object) {
  return Fd(check_errno(result, call, object));
}

Pipe make_pipe(int flags) {
  int ends[2];
  check_errno(::pipe2(ends, O_CLOEXEC | flags), "pipe2");
  return {Fd(ends[0]), Fd(ends[1])};
}

SocketPair make_socket_pair(int type) {
  int ends[2];
  check_errno(::socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, ends), "socketpair");
  return {Fd(ends[0]), Fd(ends[1])};
}

void set_nonblocking(int fd, bool on) {
  const int flags = check_errno(::fcntl(fd, F_GETFL), "fcntl", "F_GETFL");
  const int wanted = on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
  if (wanted != flags) check_errno(::fcntl(fd, F_SETFL, wanted), "fcntl", "F_SETFL");
}

}  // namespace berth
