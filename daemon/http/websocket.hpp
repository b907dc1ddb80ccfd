// A WebSocket (RFC 6455) as a plain stream, so that who serves an attached client need not know of
// frames. Private to this room.
#pragma once

#include <string>

#include "daemon/async/task.hpp"
#include "daemon/http/exchange.hpp"

namespace berth::http {

/// Refuses what is no handshake of version 13, and one that a web page of another origin makes a
/// browser send: browsers let any page open a WebSocket to any address, and say so in "Origin".
/// Throws Error{kInvalidArgument}, {kForbidden}.
void check_websocket_request(const Request& request);

/// Shakes hands over `client`, then carries bytes between it and a socket pair, whose other end is
/// the result: frames of any size are input, output goes out in binary frames. The end of one side
/// ends the other; a WebSocket has no half-close. On the streams executor.
Task<Fd> relay_websocket(const Request& request, Hijacked client);

}  // namespace berth::http
