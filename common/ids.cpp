#include "common/ids.hpp"

#include <algorithm>
#include <vector>

#include <sys/random.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth {

namespace {

constexpr std::size_t kIdBytes = 32;
constexpr std::size_t kShortLength = 12;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

std::string random_hex(std::size_t count) {
  std::vector<unsigned char> bytes(count);
  std::size_t filled = 0;
  while (filled < count) {
    const ssize_t got = ::getrandom(bytes.data() + filled, count - filled, 0);
    if (got < 0 && errno != EINTR) throw_errno("getrandom");
    if (got > 0) filled += static_cast<std::size_t>(got);
  }
  return to_hex(bytes);
}

std::string random_hex_id() {
  std::string id = random_hex(kIdBytes);
  // A short id of digits alone would be read as a number by some tools (moby's stringid does the
  // same).
  while (std::all_of(id.begin(), id.begin() + kShortLength, [](char c) { return c <= '9'; })) {
    id = random_hex(kIdBytes);
  }
  return id;
}

bool is_full_id(std::string_view text) {
  return text.size() == 2 * kIdBytes && is_lower_hex(text);
}

std::string_view short_id(std::string_view id) {
  return id.substr(0, kShortLength);
}

bool is_valid_name(std::string_view name) {
  return name.size() >= 2 && is_alphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_alphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

}  // namespace berth
