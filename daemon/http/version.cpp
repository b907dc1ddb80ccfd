#include "daemon/http/version.hpp"

#include <optional>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::http {

namespace {

std::optional<ApiVersion> parse(std::string_view text) {
  const std::size_t point = text.find('.');
  if (point == std::string_view::npos) return std::nullopt;
  const auto major = parse_number<int>(text.substr(0, point));
  const auto minor = parse_number<int>(text.substr(point + 1));
  if (!major || !minor || *major < 0 || *minor < 0) return std::nullopt;
  return ApiVersion{*major, *minor};
}

}  // namespace

std::string to_string(ApiVersion version) {
  return std::to_string(version.major) + "." + std::to_string(version.minor);
}

std::pair<ApiVersion, std::string_view> split_version(std::string_view path) {
  if (!path.starts_with("/v")) return {kCurrentVersion, path};
  const std::size_t slash = path.find('/', 1);
  const auto version = parse(path.substr(2, slash == std::string_view::npos ? slash : slash - 2));
  if (!version) return {kCurrentVersion, path};
  if (*version > kCurrentVersion) {
    throw Error(ErrorKind::kInvalidArgument, "client version " + to_string(*version) +
                                                 " is too new. Maximum supported API version is " +
                                                 to_string(kCurrentVersion));
  }
  if (*version < kMinimumVersion) {
    throw Error(ErrorKind::kInvalidArgument, "client version " + to_string(*version) +
                                                 " is too old. Minimum supported API version is " +
                                                 to_string(kMinimumVersion) +
                                                 ", please upgrade your client to a newer version");
  }
  return {*version, slash == std::string_view::npos ? std::string_view("/") : path.substr(slash)};
}

}  // namespace berth::http
