// Base64 (RFC 4648).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth {

/// Takes both alphabets, the standard one and that for URLs, padded or not. Nothing for what is no
/// base64.
std::optional<std::string> decode_base64(std::string_view text);

/// The standard alphabet, padded.
std::string encode_base64(std::string_view bytes);

}  // namespace berth
