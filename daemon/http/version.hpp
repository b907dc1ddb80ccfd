// Versions of the API: v1.22 to v1.50.
#pragma once

#include <compare>
#include <string>
#include <string_view>
#include <utility>

namespace berth::http {

struct ApiVersion {
  int major = 1;
  int minor = 0;

  auto operator<=>(const ApiVersion&) const = default;
};

/// Older than other engines take: skopeo and other users of containers/image ask for 1.22, of which
/// they use what has not changed since.
inline constexpr ApiVersion kMinimumVersion{1, 22};
inline constexpr ApiVersion kCurrentVersion{1, 50};

std::string to_string(ApiVersion version);

/// Splits "/v1.41/containers/json" into version and "/containers/json"; a path without a version is
/// of the current one. Throws Error{kInvalidArgument}, in the words that clients look for, for a
/// version out of the range.
std::pair<ApiVersion, std::string_view> split_version(std::string_view path);

}  // namespace berth::http
