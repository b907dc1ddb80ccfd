// A string with a meaning: no conversion from or to other strings but by name.
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace berth {

/// `Tag` tells one meaning from another. The value was checked by whoever made the object: each
/// meaning has a parse function that is the only way in for text from outside.
template <typename Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}

  const std::string& str() const noexcept { return value_; }
  bool empty() const noexcept { return value_.empty(); }
  auto operator<=>(const StrongString&) const = default;

 private:
  std::string value_;
};

}  // namespace berth

template <typename Tag>
struct std::hash<berth::StrongString<Tag>> {
  std::size_t operator()(const berth::StrongString<Tag>& value) const noexcept {
    return std::hash<std::string>{}(value.str());
  }
};
