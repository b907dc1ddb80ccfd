// A point in time as people write it: --since, --until and the filter "until".
#pragma once

#include <optional>
#include <string_view>

#include "common/time.hpp"

namespace berth {

/// Seconds since 1970 with an optional fraction, RFC 3339, the same without a zone (then local
/// time) and cut short down to the date, or a duration such as "10m", counted back from now.
/// Nothing for any other text.
std::optional<Timestamp> parse_moment(std::string_view text);

}  // namespace berth
