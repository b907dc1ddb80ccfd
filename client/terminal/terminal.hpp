// The user's terminal: its size, and raw mode that always ends.
#pragma once

#include <optional>

#include <termios.h>

namespace berth::client {

bool is_terminal(int fd) noexcept;

struct WindowSize {
  unsigned rows = 0;
  unsigned columns = 0;

  bool operator==(const WindowSize&) const = default;
};

/// Of the terminal behind `fd`; nothing when it is none or does not know.
std::optional<WindowSize> window_size(int fd) noexcept;

/// Hands every key to the program, until the end of the object's life (termios(3), "Raw mode").
class RawMode {
 public:
  /// Does nothing when `fd` is no terminal. Throws Error.
  explicit RawMode(int fd);
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  ~RawMode() { restore(); }

  void restore() noexcept;

 private:
  int fd_;
  std::optional<termios> before_;
};

/// Does not show what is typed, until the end of the object's life: for passwords.
class HiddenInput {
 public:
  /// Does nothing when `fd` is no terminal. Throws Error.
  explicit HiddenInput(int fd);
  HiddenInput(const HiddenInput&) = delete;
  HiddenInput& operator=(const HiddenInput&) = delete;
  ~HiddenInput();

 private:
  int fd_;
  std::optional<termios> before_;
};

}  // namespace berth::client
