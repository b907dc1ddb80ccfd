#include "daemon/log/window.hpp"

#include <cstring>

namespace berth::logs {

namespace {

constexpr std::size_t kChunk = std::size_t{256} * 1024;
// Lines are cut at 16 KiB before they are encoded, and have attributes.
constexpr std::size_t kMostOfEntry = std::size_t{16} << 20U;

}  // namespace

bool Window::is_overfull() const noexcept {
  return end_ - begin_ > kMostOfEntry;
}

void Window::make_room() {
  const std::size_t used = end_ - begin_;
  if (used + kChunk > capacity_) {
    const std::size_t capacity = 2 * (used + kChunk);
    auto larger = std::make_unique_for_overwrite<char[]>(capacity);
    if (used > 0) std::memcpy(larger.get(), buffer_.get() + begin_, used);
    buffer_ = std::move(larger);
    capacity_ = capacity;
  } else if (used > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, used);
  }
  begin_ = 0;
  end_ = used;
}

bool Window::fill(Source& source) {
  if (capacity_ - end_ < kChunk) make_room();
  const std::size_t got = source.read(buffer_.get() + end_, kChunk);
  end_ += got;
  return got > 0;
}

}  // namespace berth::logs
