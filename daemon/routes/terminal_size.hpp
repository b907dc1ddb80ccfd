// The query of the resize requests.
#pragma once

#include "daemon/http/query.hpp"

namespace berth::routes {

struct TerminalSize {
  unsigned short rows = 0;
  unsigned short columns = 0;
};

/// Throws Error{kInvalidArgument}.
TerminalSize terminal_size(const http::Query& query);

}  // namespace berth::routes
