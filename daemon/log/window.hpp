// The part of a source that is in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "daemon/log/source.hpp"

namespace berth::logs {

class Window {
 public:
  /// What was read and not consumed. Valid until fill().
  std::string_view view() const noexcept { return {buffer_.get() + begin_, end_ - begin_}; }
  void consume(std::size_t length) noexcept { begin_ += length; }
  void clear() noexcept { begin_ = end_ = 0; }

  /// Reads on behind what is there. False when there is nothing to read now. Throws Error.
  bool fill(Source& source);

  /// True when what is there is longer than any entry may be.
  bool is_overfull() const noexcept;

 private:
  void make_room();

  std::unique_ptr<char[]> buffer_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace berth::logs
