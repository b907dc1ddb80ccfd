// How entries go to a client.
#pragma once

#include <string>

#include "daemon/log/entry.hpp"

namespace berth::logs {

struct Appearance {
  bool timestamps = false;
  bool details = false;
  /// With the 8-byte headers of the attach protocol before every message; without, as a terminal
  /// wrote it.
  bool multiplexed = true;
};

class Formatter {
 public:
  Formatter(const Codec& codec, Appearance appearance) : codec_(codec), appearance_(appearance) {}

  void append(const Entry& entry, std::string& out);

  /// A word of our own, about what cannot be read.
  void append_error(std::string_view text, std::string& out) const;

 private:
  const std::string& details_of(const Entry& entry);

  const Codec& codec_;
  Appearance appearance_;
  // Most logs have the same attributes everywhere.
  std::string kept_;
  std::string shown_;
  std::string time_;
};

}  // namespace berth::logs
