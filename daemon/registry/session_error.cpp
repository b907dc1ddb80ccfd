// What a registry's refusal means to the user.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/text.hpp"
#include "daemon/registry/session.hpp"

namespace berth::registry {

namespace {

constexpr std::size_t kMaxErrorBody = std::size_t{64} << 10U;
constexpr std::size_t kMaxShown = 300;
constexpr auto kMaxRetryAfter = std::chrono::seconds(120);

struct Refusal {
  std::vector<std::string> codes;
  /// "manifest unknown: unknown tag", of the first error
  std::string text;
};

/// Server's text goes to terminals: printable characters alone, and not too many of them.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 127; }, ' ');
  if (text.size() > kMaxShown) text = text.substr(0, kMaxShown) + "...";
  return text;
}

/// {"errors": [{"code", "message", "detail"}]} of the specification; {"details"} of token servers.
Refusal parse_refusal(const std::string& body) {
  Refusal refusal;
  const auto json = nlohmann::json::parse(body, nullptr, false);
  if (!json.is_object()) return refusal;
  const auto text_of = [](const nlohmann::json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  refusal.text = printable(text_of(json, "details"));
  const auto errors = json.find("errors");
  if (errors == json.end() || !errors->is_array()) return refusal;
  for (const auto& entry : *errors) {
    if (!entry.is_object()) continue;
    const std::string code = printable(text_of(entry, "code"));
    std::string message = printable(text_of(entry, "message"));
    // "MANIFEST_UNKNOWN" is shown as "manifest unknown".
    std::string words = to_lower(code);
    std::replace(words.begin(), words.end(), '_', ' ');
    if (message.empty()) {
      message = words;
    } else if (!message.starts_with(words)) {
      message.insert(0, words + ": ");
    }
    if (refusal.codes.empty()) refusal.text = message;
    refusal.codes.push_back(code);
  }
  return refusal;
}

std::chrono::seconds retry_after(const Response& response) {
  const auto seconds = parse_number<std::int64_t>(trim(response.header("Retry-After")));
  if (!seconds || *seconds < 0) return std::chrono::seconds(0);
  return std::min(std::chrono::seconds(*seconds), kMaxRetryAfter);
}

ErrorKind kind_of(unsigned status) {
  switch (status) {
    case 401:
      return ErrorKind::kUnauthorized;
    case 403:
      return ErrorKind::kForbidden;
    case 404:
      return ErrorKind::kNotFound;
    default:
      return ErrorKind::kUnavailable;
  }
}

}  // namespace

bool RegistryError::has_code(std::string_view code) const {
  return std::find(codes_.begin(), codes_.end(), code) != codes_.end();
}

Task<std::exception_ptr> status_error(Response response, std::string what) {
  const unsigned status = response.status();
  const std::chrono::seconds wait = retry_after(response);
  std::string body;
  try {
    body = co_await response.read_body(kMaxErrorBody);
  } catch (const Error&) {
    // The status says enough.
  }
  const Refusal refusal = parse_refusal(body);
  const std::string message = refusal.text.empty() ? what + " answered " + std::to_string(status)
                                                   : what + ": " + refusal.text;
  if (status == 408 || status == 429 || status >= 500) {
    co_return std::make_exception_ptr(TemporaryError(message, wait));
  }
  co_return std::make_exception_ptr(RegistryError(kind_of(status), status, refusal.codes, message));
}

}  // namespace berth::registry
