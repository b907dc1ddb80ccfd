// The instructions of a Dockerfile that change nothing but an image's configuration, as commit and
// import take them ("changes"). Pure.
#pragma once

#include <span>
#include <string>

#include "api/image.hpp"

namespace berth::image {

/// Applies the lines in their order: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD,
/// STOPSIGNAL, USER, VOLUME, WORKDIR. Throws Error{kInvalidArgument} for any other and for what is
/// malformed.
void apply_instructions(api::ImageConfig& config, std::span<const std::string> lines);

}  // namespace berth::image
