#include "common/digest.hpp"

#include "common/error.hpp"
#include "common/ids.hpp"

namespace berth {

namespace {
constexpr std::string_view kPrefix = "sha256:";
}

bool is_digest(std::string_view text) {
  return text.starts_with(kPrefix) && is_full_id(text.substr(kPrefix.size()));
}

Digest parse_digest(std::string_view text) {
  if (!is_digest(text)) {
    throw Error(ErrorKind::kInvalidArgument, "invalid digest \"" + std::string(text) +
                                                 "\": must be sha256: and 64 hexadecimal digits");
  }
  return Digest(std::string(text));
}

std::string_view digest_hex(std::string_view digest) {
  return digest.substr(kPrefix.size());
}

}  // namespace berth
