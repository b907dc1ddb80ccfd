#include "client/terminal/detach_keys.hpp"

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

constexpr std::string_view kControl = "ctrl-";

char parse_key(std::string_view key, std::string_view whole) {
  if (key.size() == 1) return key.front();
  if (key.size() == kControl.size() + 1 && key.starts_with(kControl)) {
    const char letter = key.back();
    if (letter >= 'a' && letter <= 'z') return static_cast<char>(letter - 'a' + 1);
    if (letter >= '@' && letter <= '_') return static_cast<char>(letter - '@');
  }
  throw Error(ErrorKind::kInvalidArgument,
              "invalid detach keys \"" + std::string(whole) + "\": \"" + std::string(key) +
                  "\" is neither one character nor ctrl- with a letter or one of @[\\]^_");
}

}  // namespace

std::string parse_detach_keys(std::string_view text) {
  std::string keys;
  if (text.empty()) return keys;
  for (const std::string_view key : split(text, ','))
    keys += parse_key(key, text);
  return keys;
}

bool DetachScanner::scan(std::string_view typed, std::string& passed) {
  if (keys_.empty()) {
    passed += typed;
    return false;
  }
  for (const char key : typed) {
    if (key == keys_[matched_]) {
      if (++matched_ == keys_.size()) return true;
      continue;
    }
    passed.append(keys_, 0, matched_);
    matched_ = key == keys_.front() ? 1 : 0;
    if (matched_ == 0) passed += key;
  }
  return false;
}

}  // namespace berth::client
