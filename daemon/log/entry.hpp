// One entry of a container's log, whatever the form in which it is kept.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/time.hpp"

namespace berth::logs {

enum class Stream { kStdout, kStderr };

struct Entry {
  std::string message;  // with its line end, when the container wrote one
  Stream stream = Stream::kStdout;
  std::string_view time_text;  // RFC 3339, refers to what was decoded; empty: see `time`
  std::optional<Timestamp> time;
  std::string_view attributes;  // as they are kept, refers to what was decoded; mostly empty
};

/// Nothing for what names no time.
std::optional<Timestamp> time_of(const Entry& entry);

/// The forms in which logs are kept.
enum class Format {
  kJson,   // driver json-file: a line of JSON each
  kLocal,  // driver local: length-prefixed protocol buffers
};

/// What a codec found at the front of some bytes.
struct Found {
  enum class Kind { kEntry, kNone, kIncomplete, kBroken };
  Kind kind;
  std::size_t length = 0;  // of what can be taken off the bytes: of an entry or of none
};

/// How entries lie in a file.
class Codec {
 public:
  virtual ~Codec() = default;

  /// Decodes what is at the front of `data` into `entry`, whose buffers are reused. kNone is
  /// something that is no entry, such as a line cut by a crash: readers skip it as other engines
  /// do. kIncomplete wants more bytes. Behind kBroken nothing can be found any more.
  virtual Found decode(std::string_view data, Entry& entry) const = 0;

  /// The same without a look into the entry.
  virtual Found measure(std::string_view data) const = 0;

  /// Of an entry that decode() gave.
  virtual std::map<std::string, std::string> attributes(std::string_view kept) const = 0;
};

const Codec& codec_for(Format format);

}  // namespace berth::logs
