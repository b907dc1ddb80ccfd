// The words of a Dockerfile's instruction: quotes, backslashes and variables. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/field.hpp"

namespace berth::image {

/// `text` with its quotes and backslashes taken and $NAME, ${NAME}, ${NAME:-word} and ${NAME:+word}
/// replaced from the environment ("NAME=value"). Single quotes keep what is inside as it is. Throws
/// Error{kInvalidArgument} for what is not closed.
std::string expand(std::string_view text, const api::StringList& environment);

/// The words between spaces, as they are written: with quotes and backslashes.
std::vector<std::string> raw_words(std::string_view text);

}  // namespace berth::image
