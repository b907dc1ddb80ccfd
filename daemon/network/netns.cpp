#include "daemon/network/netns.hpp"

#include <cstdlib>

#include <fcntl.h>
#include <sched.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/log/log.hpp"

namespace berth::network {

InNamespace::InNamespace(int fd) {
  Fd home = own_fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open",
                   "/proc/thread-self/ns/net");
  check_errno(setns(fd, CLONE_NEWNET), "setns", "the container's network namespace");
  home_ = home.release();
}

InNamespace::~InNamespace() {
  const Fd home(home_);
  if (setns(home.get(), CLONE_NEWNET) == 0) return;
  log::error("a thread cannot return from a container's network namespace: {}", errno_text(errno));
  std::abort();
}

}  // namespace berth::network
