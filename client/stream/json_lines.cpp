#include "client/stream/json_lines.hpp"

#include <array>
#include <utility>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kLongestLine = std::size_t{16} << 20U;

}  // namespace

std::optional<std::string> JsonLines::next() {
  while (true) {
    const std::size_t end = buffer_.find('\n', scanned_);
    if (end != std::string::npos) {
      std::string line(trim(std::string_view(buffer_).substr(0, end)));
      buffer_.erase(0, end + 1);
      scanned_ = 0;
      if (!line.empty()) return line;
      continue;
    }
    if (ended_) {
      std::string rest(trim(std::exchange(buffer_, {})));
      if (rest.empty()) return std::nullopt;
      return rest;
    }
    scanned_ = buffer_.size();
    if (buffer_.size() > kLongestLine) {
      throw Error(ErrorKind::kTooLarge, "a line of the daemon's answer is larger than 16 MiB");
    }
    std::array<char, 16384> part;
    const std::size_t count = exchange_.read(part.data(), part.size());
    ended_ = count == 0;
    buffer_.append(part.data(), count);
  }
}

}  // namespace berth::client
