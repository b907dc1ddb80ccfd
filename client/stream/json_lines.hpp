// The answers that are a stream of JSON objects, one a line.
#pragma once

#include <optional>
#include <string>

#include "client/http/exchange.hpp"

namespace berth::client {

class JsonLines {
 public:
  explicit JsonLines(Exchange& exchange) : exchange_(exchange) {}

  /// Waits for the next line that is not empty; nothing at the end. Throws Error{kUnavailable}, and
  /// {kTooLarge} for a line beyond 16 MiB.
  std::optional<std::string> next();

 private:
  Exchange& exchange_;
  std::string buffer_;
  std::size_t scanned_ = 0;  // bytes known to hold no line end
  bool ended_ = false;
};

}  // namespace berth::client
