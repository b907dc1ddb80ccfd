// The JSON messages of a pull, as the engine API streams them (schema CreateImageInfo), kept in
// order and thinned out when the client reads slowly.
//
// Control thread.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>

#include "daemon/async/signal.hpp"

namespace berth::registry {

/// "[=====>      ]  1.024kB/2.048kB", drawn here for clients that do not draw themselves.
std::string progress_bar(std::uint64_t current, std::uint64_t total);

class ProgressQueue {
 public:
  explicit ProgressQueue(asio::any_io_executor executor) : filled_(std::move(executor)) {}

  /// {"status", "id"}; the id is left out when it is empty.
  void status(std::string_view text, std::string_view id = {});
  /// {"status", "progressDetail": {}, "id"}
  void layer(std::string_view text, std::string_view id);
  /// {"status", "progressDetail": {"current", "total"}, "progress", "id"}; replaces the layer's
  /// last unread message of the same status.
  void progress(std::string_view text, std::string_view id, std::uint64_t current,
                std::uint64_t total);

  /// No more will come.
  void close();
  /// All waiting messages, one JSON object a line; waits for the first. Empty after close().
  Task<std::string> take();

 private:
  struct Message {
    std::string text;
    /// Of a progress message, "id status"; else empty.
    std::string replaces;
  };
  void push(Message message);

  std::deque<Message> messages_;
  AsyncSignal filled_;
  bool closed_ = false;
};

}  // namespace berth::registry
