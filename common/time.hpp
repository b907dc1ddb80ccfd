// Time stamps as the API writes them: RFC 3339 with nanoseconds, UTC.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace berth {

using Timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;

Timestamp now();

/// "2024-05-06T07:08:09.123456789Z"; trailing zeros of the fraction are dropped, as Go's
/// RFC3339Nano does.
std::string format_rfc3339(Timestamp time);

/// Throws Error{kInvalidArgument}.
Timestamp parse_rfc3339(std::string_view text);

/// What the API shows for "never": 0001-01-01T00:00:00Z.
inline constexpr std::string_view kZeroTime = "0001-01-01T00:00:00Z";

}  // namespace berth
