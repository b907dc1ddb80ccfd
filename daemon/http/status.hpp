// The only map from kinds of errors to HTTP statuses.
#pragma once

#include <string_view>

#include "common/error.hpp"

namespace berth::http {

int status_of(ErrorKind kind);

/// "Not Found" and so on (RFC 9110).
std::string_view reason(int status);

}  // namespace berth::http
