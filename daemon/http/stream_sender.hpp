// The quick way for much data of a stream that an exchange has begun.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "common/fd.hpp"

namespace berth::http {

/// Sends on the calling thread, whichever that is: each piece by Exchange::write() costs trips
/// between threads. One thread at a time, and no Exchange::write() meanwhile.
class StreamSender {
 public:
  StreamSender(Fd socket, bool chunked) : socket_(std::move(socket)), chunked_(chunked) {}

  /// Blocking: goes on until everything is sent or the client takes nothing for `patience`. False
  /// for the latter: then Exchange::send_rest() has to send the rest before the next piece. Throws
  /// Error{kCancelled} when the client is gone.
  bool send(std::string_view piece, std::chrono::milliseconds patience);

  std::string take_rest() { return std::move(rest_); }

 private:
  Fd socket_;
  bool chunked_;
  std::string rest_;
};

}  // namespace berth::http
