// Sizes and durations as people write and read them on Docker's command line.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace berth {

/// Size of memory: "512m", "1.5g", "10kb", "1GiB", "1048576"; k, m, g, t, p are powers of 1024 in
/// either case, with or without "b" or "ib", a blank allowed in front of them. Throws
/// Error{kInvalidArgument} for anything else, for negatives and for what 63 bits do not hold.
std::int64_t parse_memory_size(std::string_view text);

/// The same forms with powers of 1000, as `--log-opt max-size` counts.
std::int64_t parse_decimal_size(std::string_view text);

/// "12.3MB", "187MB", "0B": powers of 1000 with `digits` significant digits; `docker images` shows
/// 3, progress bars 4.
std::string format_decimal_size(std::uint64_t bytes, int digits = 3);

/// "1.5GiB", "23.45MiB": powers of 1024, four significant digits.
std::string format_binary_size(std::uint64_t bytes);

/// Go's time.ParseDuration: "300ms", "1h30m5s10ms", "-1.5h", "0"; units ns, us, ms, s, m, h.
/// Throws Error{kInvalidArgument}.
std::chrono::nanoseconds parse_duration(std::string_view text);

/// Go's Duration.String: "1h30m5.01s", "300ms", "1.5µs", "0s".
std::string format_duration(std::chrono::nanoseconds duration);

/// What `docker ps` puts behind "Up" and in front of "ago": "Less than a second", "5 seconds",
/// "About a minute", "5 minutes", "About an hour", "3 hours", "2 days", "3 weeks", "5 months".
std::string format_human_duration(std::chrono::nanoseconds duration);

/// Whether it is the name of a resource limit as --ulimit writes it: nofile, nproc and so on
/// (getrlimit(2)).
bool is_ulimit_name(std::string_view name);

}  // namespace berth
