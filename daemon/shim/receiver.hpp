// The way to a log's receiver: messages in, a socket out, and between them a bounded queue. One
// that is away is looked for again and again; one that is slow slows the container down, if the
// user wants that, but never for ever.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <string>

#include "common/fd.hpp"
#include "daemon/runtime/spec.hpp"
#include "daemon/shim/log_sink.hpp"
#include "daemon/shim/loop.hpp"

namespace berth::shim {

struct ReceiverSettings {
  runtime::LogReceiver receiver;
  std::chrono::milliseconds retry_wait{1000};          // grows by half each time, up to a minute
  int most_retries = std::numeric_limits<int>::max();  // then what waits is lost
};

class Receiver {
 public:
  /// `loop` and `events` must stay.
  Receiver(Loop& loop, ReceiverSettings settings, const LogEvents& events);
  ~Receiver();
  Receiver(const Receiver&) = delete;
  Receiver& operator=(const Receiver&) = delete;

  /// Blocking, for seconds. Throws Error when there is no connection to be had.
  void connect_now();

  /// Sent as a whole, or lost as a whole: when the queue is full and the container is not to wait.
  void send(std::string message);
  /// Sends what can be sent at once; begins to connect where nobody did.
  void flush();
  /// True while the container is to wait; LogEvents::ready tells the end of that.
  bool is_full() const noexcept { return full_; }
  /// Calls `done` when nothing waits any more, or some seconds later.
  void finish(std::function<void()> done);

 private:
  enum class State { kAway, kConnecting, kConnected };

  bool is_stream() const noexcept;
  Fd begin_connect(const std::string& address, int& error) const;
  void connect_next();
  void on_event(std::uint32_t events);
  void connected(Fd socket);
  void disconnect(const std::string& why);
  void retry_later();
  void watch(std::uint32_t events);
  void unwatch();
  bool write_front();
  void drop_front();
  void note_progress();
  void wait_for_room();
  void go_on();
  void lose(std::uint64_t lines, const std::string& why);
  void end_if_done();

  Loop& loop_;
  ReceiverSettings settings_;
  const LogEvents& events_;
  Fd socket_;
  bool watched_ = false;
  State state_ = State::kAway;
  std::size_t next_address_ = 0;
  int retries_ = 0;  // since the last connection
  Loop::Timer retry_ = 0;
  Loop::Timer stall_ = 0;
  Loop::Timer limit_ = 0;
  std::deque<std::string> queue_;
  std::size_t queued_ = 0;  // bytes
  std::size_t sent_ = 0;    // bytes of the front message
  bool full_ = false;
  bool patient_ = true;  // false: the container has waited long enough for this receiver
  std::string why_away_ = "it was not connected to yet";
  std::function<void()> done_;
};

}  // namespace berth::shim
