// Content digests as the OCI image specification writes them: "sha256:" and 64 hexadecimal digits.
// Strong types tell the digests' meanings apart; common/crypto computes them.
#pragma once

#include <string>
#include <string_view>

#include "common/strong_string.hpp"

namespace berth {

/// Of any blob: a manifest, a configuration, a compressed layer.
using Digest = StrongString<struct DigestTag>;
/// Of a layer's uncompressed tar.
using DiffId = StrongString<struct DiffIdTag>;
/// Of a layer and all below it (OCI image specification, "Layer ChainID").
using ChainId = StrongString<struct ChainIdTag>;

/// Checks the form "sha256:<64 hex>". Throws Error{kInvalidArgument} that names the text.
Digest parse_digest(std::string_view text);

bool is_digest(std::string_view text);

/// The 64 hexadecimal digits behind "sha256:".
std::string_view digest_hex(std::string_view digest);

}  // namespace berth
