// Talking to one registry about one repository: authorisation, redirects and the protocol's errors
// (OCI Distribution Specification 1.1; "Docker Registry v2 authentication via token server").
//
// Runs on its HttpClient's executor.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/registry/challenge.hpp"
#include "daemon/registry/credentials.hpp"
#include "daemon/registry/http_client.hpp"

namespace berth::registry {

/// A status that may be different at the next attempt: 408, 429, 5xx. Kind kUnavailable.
class TemporaryError : public Error {
 public:
  TemporaryError(const std::string& message, std::chrono::seconds retry_after)
      : Error(ErrorKind::kUnavailable, message), retry_after_(retry_after) {}
  /// What the server asked to wait; 0 when it did not say.
  std::chrono::seconds retry_after() const noexcept { return retry_after_; }

 private:
  std::chrono::seconds retry_after_;
};

/// The registry's refusal, with the codes of its JSON body ("MANIFEST_UNKNOWN", "DENIED", ...).
class RegistryError : public Error {
 public:
  RegistryError(ErrorKind kind, unsigned status, std::vector<std::string> codes,
                const std::string& message)
      : Error(kind, message), status_(status), codes_(std::move(codes)) {}
  unsigned status() const noexcept { return status_; }
  bool has_code(std::string_view code) const;

 private:
  unsigned status_;
  std::vector<std::string> codes_;
};

/// Which repository, as who.
struct Access {
  /// "library/nginx"
  std::string repository;
  Credentials credentials;
  /// To push there, too.
  bool push = false;
  /// Repositories whose blobs are to be mounted: their pull right is asked for, too.
  std::vector<std::string> mounts;
};

class Session {
 public:
  /// The client must outlive the session.
  Session(HttpClient& client, const Options& options, Endpoint endpoint, Access access);

  /// GET /v2/: finds out whether this is a registry and how it wants to know who asks. Throws
  /// NetworkError, RegistryError.
  Task<> ping();

  /// GET /v2/<repository>/<path> with authorisation; follows redirects, and never sends credentials
  /// to another host. The answer has a status below 400. Throws NetworkError, TemporaryError or
  /// RegistryError.
  Task<Response> get(std::string path, std::vector<std::pair<std::string, std::string>> headers);

  /// The URL /v2/<repository>/<path>; /v2/<path> without a repository.
  Url url(std::string_view path) const;
  /// Sends the request, whose URL is url()'s or one that the registry gave, with authorisation, and
  /// follows no redirect. The answer has a status below 400. Throws as get() does; where the
  /// registry wants another token for a request whose body is a stream, it has that and throws
  /// TemporaryError.
  Task<Response> send(Request request);

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  using Headers = std::vector<std::pair<std::string, std::string>>;

  Task<Response> send_authorized(Request request);
  Task<Response> follow(Response response, Url url, Headers headers);
  /// The answer; throws what it says when it is an error. `what` is the URL that was asked for.
  static Task<Response> successful(Response response, std::string what);
  Task<> answer_challenge(const Response& response);
  Task<std::string> fetch_token(Challenge challenge);
  Request token_request(const Challenge& challenge) const;
  Trust trust_for(const Url& url) const;
  Url url_of(std::string_view path) const;
  std::vector<std::string> scopes(const Challenge& challenge) const;
  [[noreturn]] void refuse_auth(const std::string& why) const;

  HttpClient& client_;
  const Options& options_;
  Endpoint endpoint_;
  Access access_;
  std::string authorization_;
};

/// The TemporaryError or RegistryError that says what an answer with a status of 300 and above
/// means.
Task<std::exception_ptr> status_error(Response response, std::string what);

}  // namespace berth::registry
