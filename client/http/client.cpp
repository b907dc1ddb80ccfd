#include "client/http/client.hpp"

#include <cstdlib>

#include <poll.h>

#include "api/error.hpp"
#include "api/fields.hpp"

namespace berth::client {

namespace {

ErrorKind kind_of(int status) {
  switch (status) {
    case 400:
      return ErrorKind::kInvalidArgument;
    case 401:
      return ErrorKind::kUnauthorized;
    case 403:
      return ErrorKind::kForbidden;
    case 404:
      return ErrorKind::kNotFound;
    case 409:
      return ErrorKind::kConflict;
    case 501:
      return ErrorKind::kNotImplemented;
    case 503:
      return ErrorKind::kUnavailable;
    default:
      return ErrorKind::kInternal;
  }
}

std::string message_of(int status, const std::string& body) {
  try {
    return api::from_text<api::ErrorResponse>(body).message;
  } catch (const Error&) {
    // Not an answer of the API: a proxy, or something else behind the socket.
    return body.empty() ? "status " + std::to_string(status) : body;
  }
}

/// No prefix asks for the newest version that the daemon has, which needs no round trip to find
/// out.
std::string with_version(const std::string& target) {
  for (const char* name : {"BERTH_API_VERSION", "DOCKER_API_VERSION"}) {
    const char* version = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    if (version != nullptr && *version != '\0') return "/v" + std::string(version) + target;
  }
  return target;
}

}  // namespace

ApiError::ApiError(int status, const std::string& message)
    : Error(kind_of(status), "Error response from daemon: " + message), status_(status) {}

void require_success(Exchange& exchange) {
  const int status = exchange.status();
  if (status >= 400) throw ApiError(status, message_of(status, exchange.read_all()));
}

Fd Client::idle_connection() {
  if (idle_) {
    // Readable while nothing was asked: the daemon closed it.
    pollfd state{idle_.get(), POLLIN, 0};
    if (::poll(&state, 1, 0) == 0) return std::move(idle_);
    idle_.reset();
  }
  return connect_to(host_);
}

std::string Client::call(std::string_view method, const std::string& target, std::string body) {
  Request request;
  request.method = method;
  request.target = with_version(target);
  request.body = std::move(body);
  Exchange exchange(idle_connection(), request);
  require_success(exchange);
  std::string answer = exchange.read_all();
  idle_ = exchange.take_idle();
  return answer;
}

Exchange Client::begin(Request request) {
  request.target = with_version(request.target);
  return Exchange(connect_to(host_), request);
}

Exchange Client::open(Request request) {
  Exchange exchange = begin(std::move(request));
  require_success(exchange);
  return exchange;
}

}  // namespace berth::client
