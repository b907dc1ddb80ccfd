// Finds the keys that detach a terminal in what its user types.
#pragma once

#include <string>
#include <string_view>

namespace berth::shim {

/// The sequence may come split over several reads. Keys that begin it are held back until it is
/// known whether the rest follows.
class DetachKeys {
 public:
  explicit DetachKeys(std::string sequence) : sequence_(std::move(sequence)) {}

  /// Appends to `out` what is input for the container. True once the sequence was typed; what
  /// follows it is dropped.
  bool filter(std::string_view typed, std::string& out) {
    for (const char key : typed) {
      if (sequence_.empty()) {
        out.push_back(key);
        continue;
      }
      if (key == sequence_[matched_]) {
        if (++matched_ == sequence_.size()) return true;
        continue;
      }
      fall_back(key, out);
    }
    return false;
  }

 private:
  /// `key` does not go on with what matched. A later part of what was held back, with this key, may
  /// still begin the sequence; only what is in front of that is input.
  void fall_back(char key, std::string& out) {
    std::string held = sequence_.substr(0, matched_) + key;
    std::size_t skipped = 1;
    while (!sequence_.starts_with(std::string_view(held).substr(skipped)))
      ++skipped;
    out.append(held, 0, skipped);
    matched_ = held.size() - skipped;
  }

  std::string sequence_;
  std::size_t matched_ = 0;
};

}  // namespace berth::shim
