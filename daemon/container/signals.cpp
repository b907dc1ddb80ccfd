#include "daemon/container/signals.hpp"

#include <string>

#include <signal.h>
#include <string.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::container {

namespace {

std::string upper_without_prefix(std::string_view text) {
  std::string name(text);
  for (char& c : name) {
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  }
  return name.starts_with("SIG") ? name.substr(3) : name;
}

/// RTMIN, RTMIN+3, RTMAX-2; 0 for none of these. The numbers are the kernel's: libc keeps some of
/// them from its own programs, which the container's need not use (signal(7)).
int real_time_signal(std::string_view name) {
  constexpr int kFirst = 34;
  constexpr int kLast = 64;
  const bool from_first = name.starts_with("RTMIN");
  if (!from_first && !name.starts_with("RTMAX")) return 0;
  const std::string_view rest = name.substr(5);
  if (rest.empty()) return from_first ? kFirst : kLast;
  const auto offset = parse_number<int>(rest.substr(1));
  if (!offset || *offset < 0 || rest.front() != (from_first ? '+' : '-')) return 0;
  const int number = from_first ? kFirst + *offset : kLast - *offset;
  return number >= kFirst && number <= kLast ? number : 0;
}

}  // namespace

int parse_signal(std::string_view text) {
  if (const auto number = parse_number<int>(text)) {
    if (*number > 0 && *number <= 64) return *number;
  } else {
    const std::string name = upper_without_prefix(text);
    if (const int number_of_name = real_time_signal(name); number_of_name > 0)
      return number_of_name;
    for (int candidate = 1; candidate < 32; ++candidate) {
      const char* abbreviation = sigabbrev_np(candidate);
      if (abbreviation != nullptr && name == abbreviation) return candidate;
    }
  }
  throw Error(ErrorKind::kInvalidArgument, "Invalid signal: " + std::string(text));
}

}  // namespace berth::container
