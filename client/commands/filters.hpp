// --filter, as the API takes it.
#pragma once

#include <string>
#include <vector>

namespace berth::client {

/// `{"status":["running"],"label":["a=b","c"]}` of "status=running" and so on; empty for none.
/// Throws Error{kInvalidArgument} for a filter without "=".
std::string encode_filters(const std::vector<std::string>& filters);

/// "10m", "2024-05-06", "2024-05-06T07:08:09Z" or seconds since 1970, as seconds since 1970 with a
/// fraction. Throws Error{kInvalidArgument}.
std::string encode_time(const std::string& text);

}  // namespace berth::client
