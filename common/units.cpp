#include "common/units.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth {

namespace {

/// A non-negative decimal number, with or without a fraction; no sign, exponent, "inf" or "nan".
std::optional<double> parse_decimal(std::string_view text) {
  bool digits = false;
  bool point = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      digits = true;
    } else if (c == '.' && !point) {
      point = true;
    } else {
      return std::nullopt;
    }
  }
  if (!digits) return std::nullopt;
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// The power of the base that "k", "kb" or "kib" stand for.
std::optional<unsigned> parse_size_unit(std::string_view unit) {
  static constexpr std::string_view kPrefixes = "kmgtp";
  const std::string lower = to_lower(unit);
  if (lower.empty() || lower == "b") return 0;
  const std::size_t power = kPrefixes.find(lower.front());
  const std::string_view rest = std::string_view(lower).substr(1);
  if (power == std::string_view::npos) return std::nullopt;
  if (!rest.empty() && rest != "b" && rest != "ib") return std::nullopt;
  return static_cast<unsigned>(power + 1);
}

std::optional<std::int64_t> try_parse_size(std::string_view text, std::int64_t base) {
  const std::size_t last = text.find_last_of("0123456789.");
  if (last == std::string_view::npos) return std::nullopt;
  const std::string_view number = text.substr(0, last + 1);
  std::string_view unit = text.substr(last + 1);
  if (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  const auto power = parse_size_unit(unit);
  if (!power) return std::nullopt;
  std::int64_t factor = 1;
  for (unsigned i = 0; i < *power; ++i)
    factor *= base;
  // Whole numbers stay exact; a double would lose the last digits of large ones.
  if (const auto whole = parse_number<std::int64_t>(number); whole && *whole >= 0) {
    std::int64_t bytes = 0;
    if (__builtin_mul_overflow(*whole, factor, &bytes)) return std::nullopt;
    return bytes;
  }
  const auto value = parse_decimal(number);
  if (!value) return std::nullopt;
  const double bytes = *value * static_cast<double>(factor);
  if (bytes >= 0x1p63) return std::nullopt;
  return static_cast<std::int64_t>(bytes);
}

std::int64_t parse_size(std::string_view text, std::int64_t base) {
  if (const auto size = try_parse_size(text, base)) return *size;
  throw Error(ErrorKind::kInvalidArgument, "invalid size \"" + std::string(text) +
                                               "\": must be a number with an optional unit b, k, "
                                               "m, g, t or p, like 512m or 1.5g");
}

template <std::size_t Count>
std::string format_size(std::uint64_t bytes, double base, int digits,
                        const std::array<const char*, Count>& units) {
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; value >= base && unit + 1 < Count; ++unit)
    value /= base;
  std::array<char, 48> buffer{};
  const int length =
      std::snprintf(buffer.data(), buffer.size(), "%.*g%s", digits, value, units.at(unit));
  return {buffer.data(), static_cast<std::size_t>(length)};
}

struct DurationUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};
constexpr std::array<DurationUnit, 8> kDurationUnits{{{"ns", 1},
                                                      {"us", 1'000},
                                                      {"\u00b5s", 1'000},
                                                      {"\u03bcs", 1'000},
                                                      {"ms", 1'000'000},
                                                      {"s", 1'000'000'000},
                                                      {"m", 60'000'000'000},
                                                      {"h", 3'600'000'000'000}}};

std::optional<std::int64_t> duration_unit(std::string_view name) {
  for (const DurationUnit& unit : kDurationUnits) {
    if (unit.name == name) return unit.nanoseconds;
  }
  return std::nullopt;
}

/// One "<number><unit>" at the front of `text`, in nanoseconds.
std::optional<std::int64_t> take_duration_part(std::string_view& text) {
  static constexpr std::string_view kNumber = "0123456789.";
  const std::size_t number_end = text.find_first_not_of(kNumber);
  if (number_end == std::string_view::npos || number_end == 0) return std::nullopt;
  const std::string_view number = text.substr(0, number_end);
  text.remove_prefix(number_end);
  const std::size_t unit_end = std::min(text.find_first_of(kNumber), text.size());
  const auto unit = duration_unit(text.substr(0, unit_end));
  text.remove_prefix(unit_end);
  if (!unit) return std::nullopt;

  const std::size_t point = number.find('.');
  const std::string_view whole = number.substr(0, point);
  std::int64_t result = 0;
  if (!whole.empty()) {
    const auto count = parse_number<std::int64_t>(whole);
    if (!count || __builtin_mul_overflow(*count, *unit, &result)) return std::nullopt;
  }
  if (point == std::string_view::npos) return result;
  const std::string_view digits = number.substr(point + 1);
  if (whole.empty() && digits.empty()) return std::nullopt;
  if (digits.empty()) return result;
  const auto fraction = parse_decimal("0." + std::string(digits));
  if (!fraction) return std::nullopt;
  // Rounded, because binary fractions lose a little: .001s is a millisecond, not 999999 ns.
  const std::int64_t rest = std::llround(*fraction * static_cast<double>(*unit));
  if (__builtin_add_overflow(result, rest, &result)) return std::nullopt;
  return result;
}

std::optional<std::int64_t> try_parse_duration(std::string_view text) {
  bool negative = false;
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    negative = text.front() == '-';
    text.remove_prefix(1);
  }
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;
  while (!text.empty()) {
    const auto part = take_duration_part(text);
    if (!part || __builtin_add_overflow(total, *part, &total)) return std::nullopt;
  }
  return negative ? -total : total;
}

/// "1.5" of 1500 with scale 1000: no trailing zeros, no point without digits behind it.
std::string format_scaled(std::uint64_t value, std::uint64_t scale) {
  std::string text = std::to_string(value / scale);
  std::string fraction = std::to_string(value % scale + scale).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fraction.empty() ? text : text + "." + fraction;
}

}  // namespace

std::int64_t parse_memory_size(std::string_view text) {
  return parse_size(text, 1024);
}

std::int64_t parse_decimal_size(std::string_view text) {
  return parse_size(text, 1000);
}

std::string format_decimal_size(std::uint64_t bytes, int digits) {
  static constexpr std::array<const char*, 9> kUnits{"B",  "kB", "MB", "GB", "TB",
                                                     "PB", "EB", "ZB", "YB"};
  return format_size(bytes, 1000.0, digits, kUnits);
}

std::string format_binary_size(std::uint64_t bytes) {
  static constexpr std::array<const char*, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  return format_size(bytes, 1024.0, 4, kUnits);
}

std::chrono::nanoseconds parse_duration(std::string_view text) {
  if (const auto duration = try_parse_duration(text)) return std::chrono::nanoseconds(*duration);
  throw Error(ErrorKind::kInvalidArgument,
              "invalid duration \"" + std::string(text) +
                  "\": must be numbers with a unit ns, us, ms, s, m or h, like 1h30m or 500ms");
}

std::string format_duration(std::chrono::nanoseconds duration) {
  const std::int64_t count = duration.count();
  if (count == 0) return "0s";
  const std::string sign = count < 0 ? "-" : "";
  // The negation in unsigned arithmetic also holds for the smallest value.
  auto rest = static_cast<std::uint64_t>(count);
  if (count < 0) rest = ~rest + 1;
  if (rest < 1'000) return sign + std::to_string(rest) + "ns";
  if (rest < 1'000'000) return sign + format_scaled(rest, 1'000) + "\u00b5s";
  if (rest < 1'000'000'000) return sign + format_scaled(rest, 1'000'000) + "ms";
  static constexpr std::uint64_t kMinute = 60'000'000'000;
  const std::uint64_t minutes = rest / kMinute;
  const std::string seconds = format_scaled(rest % kMinute, 1'000'000'000) + "s";
  if (minutes == 0) return sign + seconds;
  if (minutes < 60) return sign + std::to_string(minutes) + "m" + seconds;
  return sign + std::to_string(minutes / 60) + "h" + std::to_string(minutes % 60) + "m" + seconds;
}

std::string format_human_duration(std::chrono::nanoseconds duration) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(duration).count();
  const auto text = [](std::int64_t count, const char* unit) {
    return std::to_string(count) + " " + unit;
  };
  if (seconds < 1) return "Less than a second";
  if (seconds == 1) return "1 second";
  if (seconds < 60) return text(seconds, "seconds");
  const std::int64_t minutes = seconds / 60;
  if (minutes == 1) return "About a minute";
  if (minutes < 60) return text(minutes, "minutes");
  const std::int64_t hours = (seconds + 1800) / 3600;  // rounded
  if (hours == 1) return "About an hour";
  if (hours < 48) return text(hours, "hours");
  const std::int64_t days = hours / 24;
  if (days < 14) return text(days, "days");
  if (days < 60) return text(days / 7, "weeks");
  if (days < 730) return text(days / 30, "months");
  return text(days / 365, "years");
}

bool is_ulimit_name(std::string_view name) {
  static constexpr std::array<std::string_view, 16> kNames = {
      "as",   "core",   "cpu",   "data", "fsize",  "locks",  "memlock",    "msgqueue",
      "nice", "nofile", "nproc", "rss",  "rtprio", "rttime", "sigpending", "stack"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

}  // namespace berth
