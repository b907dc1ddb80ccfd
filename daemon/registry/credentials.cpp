#include "daemon/registry/credentials.hpp"

#include <array>
#include <cstdint>
#include <optional>

#include <nlohmann/json.hpp>

#include "common/error.hpp"

namespace berth::registry {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The value of a character in either alphabet of RFC 4648; clients are not agreed on one.
std::optional<std::uint32_t> sextet(char c) {
  if (c == '-') c = '+';
  if (c == '_') c = '/';
  const std::size_t value = kAlphabet.find(c);
  if (value == std::string_view::npos) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

std::optional<std::string> decode_base64(std::string_view text) {
  while (!text.empty() && text.back() == '=')
    text.remove_suffix(1);
  std::string bytes;
  std::uint32_t bits = 0;
  unsigned count = 0;
  for (const char c : text) {
    const auto value = sextet(c);
    if (!value) return std::nullopt;
    bits = (bits << 6U) | *value;
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>((bits >> count) & 0xffU));
  }
  return bytes;
}

std::string encode_base64(std::string_view bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t bits = 0;
    const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      bits = (bits << 8U) | (k < count ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text.push_back(k <= count ? kAlphabet[(bits >> (18U - 6U * k)) & 63U] : '=');
    }
  }
  return text;
}

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
