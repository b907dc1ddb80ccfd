// Answers that are a stream of JSON messages: pull, push, load and import.
#pragma once

#include <functional>
#include <string>

#include "daemon/http/exchange.hpp"

namespace berth::routes {

/// The answer begins with its first line: what fails before that is told by a status.
class ProgressStream {
 public:
  explicit ProgressStream(http::Exchange& exchange) : exchange_(exchange) {}

  Task<> write(std::string lines);
  Task<> end();
  /// Tells the exception in flight in the stream, as its last message; rethrows it where the stream
  /// has not begun, or the client is gone.
  Task<> fail(std::exception_ptr failure);

 private:
  http::Exchange& exchange_;
};

/// Takes lines of progress, one JSON object each.
using ProgressSink = std::function<Task<>(std::string lines)>;

/// Answers with what `operation` tells its sink, and with why it failed.
Task<> answer_progress(http::Exchange& exchange,
                       std::function<Task<>(ProgressSink sink)> operation);

}  // namespace berth::routes
