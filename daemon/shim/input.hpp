// The container's standard input: what clients typed, until the container takes it.
#pragma once

#include <functional>
#include <string>

#include "common/fd.hpp"
#include "daemon/shim/loop.hpp"

namespace berth::shim {

class Input {
 public:
  /// `has_room` is called when the container has taken what it did not take at first.
  Input(Loop& loop, std::function<void()> has_room) : loop_(loop), has_room_(std::move(has_room)) {}
  ~Input() { close(); }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;

  /// The writing end, non-blocking; for a terminal, a second descriptor of its master.
  void open(Fd fd) { fd_ = std::move(fd); }
  bool is_open() const noexcept { return static_cast<bool>(fd_); }

  /// Takes input by appending to this, then write().
  std::string& pending() noexcept { return pending_; }
  /// False while the container has not taken what is there: more is left with the client.
  bool accepts() const noexcept { return pending_.empty(); }

  /// Passes on what the container takes now. Of a closed one, drops it.
  void write();
  /// Once all that is pending was taken.
  void close_when_written();
  void close();

 private:
  void poll(bool on);

  Loop& loop_;
  std::function<void()> has_room_;
  Fd fd_;
  bool polled_ = false;
  bool closing_ = false;
  std::string pending_;
};

}  // namespace berth::shim
