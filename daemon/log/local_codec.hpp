// An entry of a log of the driver "local": Docker's LogEntry in protocol buffers' encoding, its
// size in front of it and behind it as 32 bits, big end first.
//
//   1 source (text), 2 time in nanoseconds (int64), 3 line without its end (bytes), 4 partial
//   (bool), 5 of a partial line: { 1 last (bool), 2 id (text), 3 ordinal (int32) }, 6 attribute,
//   repeated: { 1 key (text), 2 value (text) }
#pragma once

#include "daemon/log/entry.hpp"

namespace berth::logs {

class LocalCodec final : public Codec {
 public:
  Found decode(std::string_view data, Entry& entry) const override;
  Found measure(std::string_view data) const override;
  std::map<std::string, std::string> attributes(std::string_view kept) const override;
};

/// What is in front of an entry, and behind it.
inline constexpr std::size_t kLocalSize = 4;
/// No entry is larger, neither ours nor other engines'.
inline constexpr std::size_t kLocalMost = 1'000'000;

/// The number in the first four bytes.
std::size_t local_size(std::string_view data);

}  // namespace berth::logs
