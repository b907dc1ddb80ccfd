// One line of a json-file log, as the shim writes it:
//
//   {"log":"hello\n","stream":"stdout","attrs":{"tag":"x"},"time":"2024-05-06T07:08:09.123456789Z"}
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "common/time.hpp"

namespace berth::logs {

enum class Stream { kStdout, kStderr };

struct Entry {
  std::string message;  // with its line end, when the container wrote one
  Stream stream = Stream::kStdout;
  std::string_view time;        // as written; refers to the decoded line
  std::string attributes_json;  // empty, or the JSON object of "attrs"
};

/// Decodes a line without its line end into `entry`, whose buffers are reused. False for what is no
/// entry: a line cut by a crash or a full disk is skipped by readers, as other engines do.
bool decode_entry(std::string_view line, Entry& entry);

/// The time of a line alone, for `since` and `until`; nothing for what is no entry.
std::optional<Timestamp> entry_time(const Entry& entry);

}  // namespace berth::logs
