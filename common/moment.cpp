#include "common/moment.hpp"

#include <ctime>
#include <string>

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth {

namespace {

constexpr std::size_t kFractionDigits = 9;

std::optional<Timestamp> parse_unix(std::string_view text) {
  const std::size_t point = text.find('.');
  const auto seconds = parse_number<std::int64_t>(text.substr(0, point));
  if (!seconds) return std::nullopt;
  std::int64_t nanoseconds = 0;
  if (point != std::string_view::npos) {
    std::string fraction(text.substr(point + 1, kFractionDigits));
    fraction.append(kFractionDigits - fraction.size(), '0');
    const auto parsed = parse_number<std::int64_t>(fraction);
    if (!parsed || *parsed < 0) return std::nullopt;
    nanoseconds = *parsed;
  }
  // What 64 bits of nanoseconds do not hold is no time.
  constexpr std::int64_t kMost = 9'000'000'000;
  if (*seconds > kMost || *seconds < -kMost) return std::nullopt;
  return Timestamp(std::chrono::seconds(*seconds) + std::chrono::nanoseconds(nanoseconds));
}

std::optional<Timestamp> parse_local(const std::string& text) {
  for (const char* format : {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"}) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const char* end = ::strptime(text.c_str(), format, &parts);
    if (end == nullptr || *end != '\0') continue;
    return Timestamp(std::chrono::seconds(std::mktime(&parts)));
  }
  return std::nullopt;
}

template <typename Parse>
std::optional<Timestamp> attempt(Parse parse) {
  try {
    return parse();
  } catch (const Error&) {
    return std::nullopt;
  }
}

}  // namespace

std::optional<Timestamp> parse_moment(std::string_view text) {
  if (const auto time = parse_unix(text)) return time;
  if (const auto time = attempt([&] { return now() - parse_duration(text); })) return time;
  if (const auto time = attempt([&] { return parse_rfc3339(text); })) return time;
  return parse_local(std::string(text));
}

}  // namespace berth
