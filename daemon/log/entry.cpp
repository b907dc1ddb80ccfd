#include "daemon/log/entry.hpp"

#include "common/error.hpp"
#include "daemon/log/json_codec.hpp"
#include "daemon/log/local_codec.hpp"

namespace berth::logs {

std::optional<Timestamp> time_of(const Entry& entry) {
  if (entry.time) return entry.time;
  try {
    return parse_rfc3339(entry.time_text);
  } catch (const Error&) {
    return std::nullopt;
  }
}

const Codec& codec_for(Format format) {
  static const JsonCodec kJson;
  static const LocalCodec kLocal;
  if (format == Format::kLocal) return kLocal;
  return kJson;
}

}  // namespace berth::logs
