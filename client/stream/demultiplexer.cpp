#include "client/stream/demultiplexer.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/file.hpp"

namespace berth::client {

namespace {

constexpr char kStdin = 0;
constexpr char kStdout = 1;
constexpr char kStderr = 2;
constexpr char kSystemError = 3;

std::uint32_t big_endian(const std::array<char, 8>& head) {
  std::uint32_t value = 0;
  for (std::size_t index = 4; index < 8; ++index) {
    value = (value << 8U) | static_cast<unsigned char>(head[index]);
  }
  return value;
}

}  // namespace

void Demultiplexer::write(std::string_view data) {
  while (!data.empty()) {
    if (payload_left_ == 0) {
      const std::size_t count = std::min(head_.size() - head_size_, data.size());
      std::copy_n(data.begin(), count, head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
      head_size_ += count;
      data.remove_prefix(count);
      if (head_size_ == head_.size()) begin_frame();
      continue;
    }
    const std::size_t count = std::min<std::size_t>(payload_left_, data.size());
    payload_left_ -= static_cast<std::uint32_t>(count);
    write_payload(data.substr(0, count));
    data.remove_prefix(count);
  }
}

void Demultiplexer::begin_frame() {
  head_size_ = 0;
  payload_left_ = big_endian(head_);
  if (head_[0] < kStdin || head_[0] > kSystemError) {
    throw Error(ErrorKind::kInternal,
                "the daemon's stream has a frame of the unknown kind " +
                    std::to_string(static_cast<int>(static_cast<unsigned char>(head_[0]))));
  }
}

void Demultiplexer::write_payload(std::string_view part) {
  switch (head_[0]) {
    case kStderr:
      return write_all(files_.err, part, "stderr");
    case kSystemError:
      system_error_ += part;
      if (payload_left_ == 0) {
        throw Error(ErrorKind::kInternal, "error from daemon in stream: " + system_error_);
      }
      return;
    case kStdin:
    case kStdout:
    default:
      return write_all(files_.out, part, "stdout");
  }
}

}  // namespace berth::client
