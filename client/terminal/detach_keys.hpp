// The keys that take the user away from a container and leave it running.
#pragma once

#include <string>
#include <string_view>

namespace berth::client {

inline constexpr std::string_view kDefaultDetachKeys = "ctrl-p,ctrl-q";

/// The bytes of "ctrl-p,ctrl-q": single characters and ctrl- with a letter or one of @[\]^_,
/// separated by commas. Throws Error{kInvalidArgument}.
std::string parse_detach_keys(std::string_view text);

/// Finds the keys in what is typed. What may be their beginning is held back until it is known.
class DetachScanner {
 public:
  explicit DetachScanner(std::string keys) : keys_(std::move(keys)) {}

  /// Appends what is to be passed on to `passed`; true when the keys were typed: the rest of
  /// `typed` is dropped.
  bool scan(std::string_view typed, std::string& passed);

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

}  // namespace berth::client
