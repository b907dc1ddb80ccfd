// The JSON messages of a pull or push, as the engine API streams them (schema CreateImageInfo),
// kept in order and thinned out when the client reads slowly.
//
// Control thread.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "daemon/async/signal.hpp"

namespace berth::registry {

/// "[=====>      ]  1.024kB/2.048kB", drawn here for clients that do not draw themselves.
std::string progress_bar(std::uint64_t current, std::uint64_t total);

/// Gets the messages of a pull or push: some lines of JSON at a time, in order, never two calls at
/// once. What it throws ends it.
using ProgressSink = std::function<Task<>(std::string lines)>;

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

  /// {"progressDetail": {}, "aux": ...}: what programs read.
  void aux(const nlohmann::ordered_json& value);

  /// No more will come.
  void close();
  /// Gives all messages to `sink` until close(). Throws what it throws.
  Task<> drain(ProgressSink sink);
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
