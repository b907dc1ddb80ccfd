#include "daemon/registry/credentials.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/base64.hpp"
#include "common/error.hpp"

namespace berth::registry {

namespace {

[[noreturn]] void refuse() {
  throw Error(ErrorKind::kInvalidArgument,
              "invalid X-Registry-Auth header: must be base64url of a JSON object with string "
              "fields such as \"username\" and \"password\"");
}

}  // namespace

Credentials parse_registry_auth(std::string_view header) {
  Credentials credentials;
  if (header.empty()) return credentials;
  const auto decoded = decode_base64(header);
  if (!decoded) refuse();
  const auto json = nlohmann::json::parse(*decoded, nullptr, false);
  if (json.is_null()) return credentials;
  if (!json.is_object()) refuse();
  const auto take = [&](const char* name, std::string& field) {
    const auto found = json.find(name);
    if (found == json.end() || found->is_null()) return;
    if (!found->is_string()) refuse();
    field = found->get<std::string>();
  };
  take("username", credentials.username);
  take("password", credentials.password);
  take("identitytoken", credentials.identity_token);
  take("registrytoken", credentials.registry_token);
  // The CLI's older form: base64 of "user:password" in one field.
  std::string combined;
  take("auth", combined);
  if (credentials.username.empty() && !combined.empty()) {
    const auto pair = decode_base64(combined);
    const std::size_t colon = pair ? pair->find(':') : std::string::npos;
    if (colon == std::string::npos) refuse();
    credentials.username = pair->substr(0, colon);
    credentials.password = pair->substr(colon + 1);
  }
  return credentials;
}

std::string basic_authorization(std::string_view username, std::string_view password) {
  return "Basic " + encode_base64(std::string(username) + ":" + std::string(password));
}

}  // namespace berth::registry
