#include "daemon/registry/session.hpp"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/text.hpp"

namespace berth::registry {

namespace {

constexpr int kMaxRedirects = 10;
constexpr std::size_t kMaxTokenAnswer = std::size_t{1} << 20U;
constexpr std::string_view kClientId = "berth";

bool is_redirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

const Challenge* find_scheme(const std::vector<Challenge>& challenges, std::string_view scheme) {
  const auto found = std::find_if(challenges.begin(), challenges.end(),
                                  [&](const Challenge& one) { return one.scheme == scheme; });
  return found == challenges.end() ? nullptr : &*found;
}

std::string parameter(const Challenge& challenge, const std::string& name) {
  const auto found = challenge.parameters.find(name);
  return found == challenge.parameters.end() ? std::string() : found->second;
}

/// "name=value" of a query or form.
void append_field(std::string& text, std::string_view name, std::string_view value) {
  if (value.empty()) return;
  if (!text.empty()) text += "&";
  text.append(name).append("=").append(encode_query(value));
}

}  // namespace

Session::Session(HttpClient& client, const Options& options, Endpoint endpoint, Access access)
    : client_(client),
      options_(options),
      endpoint_(std::move(endpoint)),
      access_(std::move(access)) {
  // Credentials are for the registry that the user named, never for a mirror of it.
  if (endpoint_.mirror) access_.credentials = Credentials{};
  if (!access_.credentials.registry_token.empty()) {
    authorization_ = "Bearer " + access_.credentials.registry_token;
  }
}

Url Session::url_of(std::string_view path) const {
  Url url = endpoint_.base;
  url.target += "/v2/";
  url.target.append(path);
  return url;
}

Trust Session::trust_for(const Url& url) const {
  if (url.same_origin(endpoint_.base)) return Trust{endpoint_.verify, endpoint_.name};
  const std::string name = url.authority();
  return Trust{!is_insecure(options_, name), name};
}

Task<> Session::ping() {
  const Url url = url_of("");
  Request request;
  request.url = url;
  if (!authorization_.empty()) request.headers.emplace_back("Authorization", authorization_);
  Trust trust = trust_for(url);
  Response response = co_await client_.send(std::move(request), std::move(trust));
  if (response.status() == 401) {
    co_await response.read_body(kMaxTokenAnswer);
    co_await answer_challenge(response);
    co_return;
  }
  const bool temporary = response.status() == 429 || response.status() >= 500;
  if (temporary) std::rethrow_exception(co_await status_error(std::move(response), url.str()));
  // 404 and 403 come from servers that speak the protocol below /v2/<name>/ alone.
  co_await response.read_body(kMaxTokenAnswer);
}

Url Session::url(std::string_view path) const {
  if (access_.repository.empty()) return url_of(path);
  return url_of(access_.repository + "/" + std::string(path));
}

Task<Response> Session::get(std::string path, Headers headers) {
  Request request;
  request.url = url(path);
  request.headers = headers;
  const Url first = request.url;
  Response response = co_await send_authorized(std::move(request));
  response = co_await follow(std::move(response), first, std::move(headers));
  co_return co_await successful(std::move(response), first.str());
}

Task<Response> Session::send(Request request) {
  std::string what = request.url.str();
  Response response = co_await send_authorized(std::move(request));
  co_return co_await successful(std::move(response), std::move(what));
}

Task<Response> Session::successful(Response response, std::string what) {
  if (response.status() >= 400) {
    std::rethrow_exception(co_await status_error(std::move(response), std::move(what)));
  }
  co_return response;
}

Task<Response> Session::send_authorized(Request request) {
  const Trust trust = trust_for(request.url);
  // What the registry gave as the place of an upload may be another host: it gets no token.
  const bool own = request.url.same_origin(endpoint_.base);
  for (bool first = true;; first = false) {
    Request attempt = request;
    if (own && !authorization_.empty()) {
      attempt.headers.emplace_back("Authorization", authorization_);
    }
    Response response = co_await client_.send(std::move(attempt), trust);
    if (response.status() != 401 || !own) co_return response;
    if (!first && authorization_.starts_with("Basic ")) {
      refuse_auth("incorrect username or password");
    }
    if (!first) co_return response;
    // The token may have expired, or this request needs another scope than the ping told.
    co_await response.read_body(kMaxTokenAnswer);
    co_await answer_challenge(response);
    if (request.stream) {
      throw TemporaryError("registry \"" + endpoint_.base.authority() + "\" wants another token",
                           std::chrono::seconds(0));
    }
  }
}

Task<Response> Session::follow(Response response, Url url, Headers headers) {
  for (int count = 0; is_redirect(response.status()); ++count) {
    const std::string location = response.header("Location");
    if (count == kMaxRedirects || location.empty()) {
      throw Error(ErrorKind::kUnavailable,
                  "registry \"" + endpoint_.base.authority() + "\" redirects without an end");
    }
    const Url next = resolve_url(url, location);
    if (url.tls && !next.tls && endpoint_.verify) {
      throw Error(ErrorKind::kUnavailable, "registry \"" + endpoint_.base.authority() +
                                               "\" redirects from https to plain http host \"" +
                                               next.authority() + "\"");
    }
    co_await response.read_body(kMaxTokenAnswer);
    url = next;
    Request request;
    request.url = url;
    request.headers = headers;
    // A storage host gets no token; signed URLs would even fail with one.
    if (url.same_origin(endpoint_.base) && !authorization_.empty()) {
      request.headers.emplace_back("Authorization", authorization_);
    }
    Trust trust = trust_for(url);
    response = co_await client_.send(std::move(request), std::move(trust));
  }
  co_return response;
}

Task<> Session::answer_challenge(const Response& response) {
  std::vector<Challenge> challenges;
  for (const std::string& header : response.headers("WWW-Authenticate")) {
    for (Challenge& challenge : parse_challenges(header))
      challenges.push_back(std::move(challenge));
  }
  if (!access_.credentials.registry_token.empty()) refuse_auth("the registry token was refused");
  if (const Challenge* bearer = find_scheme(challenges, "bearer")) {
    Challenge challenge = *bearer;
    authorization_ = "Bearer " + co_await fetch_token(std::move(challenge));
    co_return;
  }
  if (find_scheme(challenges, "basic") == nullptr) {
    refuse_auth("no known way to authenticate is offered");
  }
  if (access_.credentials.username.empty()) refuse_auth("no basic auth credentials");
  std::string basic =
      basic_authorization(access_.credentials.username, access_.credentials.password);
  if (basic == authorization_) refuse_auth("incorrect username or password");
  if (!endpoint_.base.tls && endpoint_.verify) refuse_auth("plain http");
  authorization_ = std::move(basic);
}

std::vector<std::string> Session::scopes(const Challenge& challenge) const {
  if (access_.repository.empty()) return {parameter(challenge, "scope")};
  std::vector<std::string> scopes{"repository:" + access_.repository +
                                  (access_.push ? ":pull,push" : ":pull")};
  for (const std::string& mount : access_.mounts)
    scopes.push_back("repository:" + mount + ":pull");
  return scopes;
}

Request Session::token_request(const Challenge& challenge) const {
  Request request;
  const std::string realm = parameter(challenge, "realm");
  if (realm.empty()) refuse_auth("no token server is named");
  request.url = resolve_url(endpoint_.base, realm);
  const std::vector<std::string> scopes = this->scopes(challenge);
  const std::string service = parameter(challenge, "service");
  const Credentials& who = access_.credentials;
  const bool secret = !who.identity_token.empty() || !who.username.empty();
  if (secret && endpoint_.base.tls && !request.url.tls) {
    refuse_auth("the token server \"" + request.url.authority() + "\" is not https");
  }
  std::string fields;
  if (!who.identity_token.empty()) {
    append_field(fields, "grant_type", "refresh_token");
    append_field(fields, "service", service);
    append_field(fields, "scope", join(scopes, " "));
    append_field(fields, "client_id", kClientId);
    append_field(fields, "refresh_token", who.identity_token);
    request.method = "POST";
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = std::move(fields);
    return request;
  }
  append_field(fields, "service", service);
  for (const std::string& scope : scopes)
    append_field(fields, "scope", scope);
  if (!who.username.empty()) {
    append_field(fields, "account", who.username);
    request.headers.emplace_back("Authorization", basic_authorization(who.username, who.password));
  }
  request.url.target += request.url.target.find('?') == std::string::npos ? "?" : "&";
  request.url.target += fields;
  return request;
}

Task<std::string> Session::fetch_token(Challenge challenge) {
  Request request = token_request(challenge);
  Trust trust = trust_for(request.url);
  const std::string where = request.url.authority();
  Response response = co_await client_.send(std::move(request), std::move(trust));
  if (response.status() == 401 || response.status() == 403) {
    refuse_auth("incorrect username or password");
  }
  if (response.status() >= 300) {
    const std::string what = "token server \"" + where + "\"";
    std::rethrow_exception(co_await status_error(std::move(response), what));
  }
  const std::string body = co_await response.read_body(kMaxTokenAnswer);
  const auto json = nlohmann::json::parse(body, nullptr, false);
  for (const char* name : {"token", "access_token"}) {
    if (!json.is_object()) break;
    const auto found = json.find(name);
    if (found == json.end() || !found->is_string()) continue;
    std::string token = found->get<std::string>();
    if (!token.empty()) co_return token;
  }
  throw Error(ErrorKind::kUnavailable, "token server \"" + where + "\" sent no token");
}

void Session::refuse_auth(const std::string& why) const {
  throw RegistryError(ErrorKind::kUnauthorized, 401, {"UNAUTHORIZED"},
                      "registry \"" + endpoint_.base.authority() + "\": unauthorized: " + why);
}

}  // namespace berth::registry
