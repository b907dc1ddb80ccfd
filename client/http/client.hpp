// The daemon's API as the commands use it: requests that are answered at once share one kept-alive
// connection, others get their own.
#pragma once

#include <string>
#include <string_view>

#include "client/http/exchange.hpp"
#include "client/http/host.hpp"
#include "common/error.hpp"

namespace berth::client {

/// The daemon answered with an error. The message begins with "Error response from daemon: ".
class ApiError : public Error {
 public:
  ApiError(int status, const std::string& message);
  int status() const noexcept { return status_; }

 private:
  int status_;
};

class Client {
 public:
  explicit Client(Host host) : host_(std::move(host)) {}

  /// The body of the answer. Throws ApiError for status 400 and above, Error{kUnavailable}.
  std::string call(std::string_view method, const std::string& target, std::string body = {});

  /// Sends a request on a connection of its own; the answer is not awaited.
  Exchange begin(Request request);

  /// begin(), and throws ApiError when the status is 400 or above.
  Exchange open(Request request);

  const Host& host() const noexcept { return host_; }

 private:
  Fd idle_connection();

  Host host_;
  Fd idle_;
};

/// Throws ApiError when the answer is an error.
void require_success(Exchange& exchange);

}  // namespace berth::client
