#include "client/terminal/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include "common/error.hpp"

namespace berth::client {

bool is_terminal(int fd) noexcept {
  return ::isatty(fd) == 1;
}

std::optional<WindowSize> window_size(int fd) noexcept {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0 || (size.ws_row == 0 && size.ws_col == 0)) return {};
  return WindowSize{size.ws_row, size.ws_col};
}

RawMode::RawMode(int fd) : fd_(fd) {
  if (!is_terminal(fd)) return;
  termios settings{};
  check_errno(::tcgetattr(fd, &settings), "tcgetattr", "the terminal");
  before_ = settings;
  ::cfmakeraw(&settings);
  check_errno(::tcsetattr(fd, TCSADRAIN, &settings), "tcsetattr", "the terminal");
}

void RawMode::restore() noexcept {
  // Nothing can be done about a failure: the terminal is gone.
  if (before_) (void)::tcsetattr(fd_, TCSADRAIN, &*before_);
  before_.reset();
}

HiddenInput::HiddenInput(int fd) : fd_(fd) {
  if (!is_terminal(fd)) return;
  termios settings{};
  check_errno(::tcgetattr(fd, &settings), "tcgetattr", "the terminal");
  before_ = settings;
  settings.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  check_errno(::tcsetattr(fd, TCSAFLUSH, &settings), "tcsetattr", "the terminal");
}

HiddenInput::~HiddenInput() {
  if (before_) (void)::tcsetattr(fd_, TCSAFLUSH, &*before_);
}

}  // namespace berth::client
