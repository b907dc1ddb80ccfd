#include "daemon/shim/input.hpp"

#include <cerrno>

#include <sys/epoll.h>
#include <unistd.h>

namespace berth::shim {

void Input::write() {
  std::size_t done = 0;
  while (fd_ && done < pending_.size()) {
    const ssize_t written = ::write(fd_.get(), pending_.data() + done, pending_.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0 && errno == EAGAIN) break;
    if (written < 0) {
      // The container closed its input: what is typed from now on is dropped.
      close();
      break;
    }
    done += static_cast<std::size_t>(written);
  }
  pending_.erase(0, fd_ ? done : pending_.size());
  poll(fd_ && !pending_.empty());
  if (closing_ && pending_.empty()) close();
}

void Input::poll(bool on) {
  if (on == polled_) return;
  polled_ = on;
  if (!on) {
    if (fd_) loop_.remove(fd_.get());
    return;
  }
  loop_.add(fd_.get(), EPOLLOUT, [this](std::uint32_t) {
    write();
    if (accepts()) has_room_();
  });
}

void Input::close_when_written() {
  closing_ = true;
  if (pending_.empty()) close();
}

void Input::close() {
  if (!fd_) return;
  poll(false);
  fd_.reset();
  pending_.clear();
}

}  // namespace berth::shim
