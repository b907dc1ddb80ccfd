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
      out.append(sequence_, 0, matched_);
      matched_ = key == sequence_[0] ? 1 : 0;
      if (matched_ == 0) out.push_back(key);
      if (matched_ == sequence_.size()) return true;
    }
    return false;
  }

 private:
  std::string sequence_;
  std::size_t matched_ = 0;
};

}  // namespace berth::shim
