// From the head of a request, as Beast parsed it, to what handlers see. Private to this room.
#pragma once

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include "daemon/http/exchange.hpp"

namespace berth::http {

/// Throws Error{kInvalidArgument}: a path or query that is not URL encoded, a control character in
/// the path, a version of the API out of the range.
Request make_request(const boost::beast::http::request_header<>& head);

}  // namespace berth::http
