// The one way to log. Log where a task ends (a 5xx answer, a background task), or throw; never
// both.
#pragma once

#include <string_view>
#include <utility>

#include <fmt/core.h>

namespace berth::log {

enum class Level { kDebug, kInfo, kWarning, kError };

/// Sets up standard error as the target. `level` is one of dockerd's words: debug, info, warn,
/// error, fatal. Throws Error{kInvalidArgument} for any other.
void init(std::string_view level);

/// The same words, any time later and from any thread.
void set_level(std::string_view level);

bool enabled(Level level);
void write(Level level, std::string_view message);

template <typename... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kDebug)) write(Level::kDebug, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kInfo)) write(Level::kInfo, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kWarning))
    write(Level::kWarning, fmt::format(text, std::forward<Args>(args)...));
}
template <typename... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::kError)) write(Level::kError, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace berth::log
