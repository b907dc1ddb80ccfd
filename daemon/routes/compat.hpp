// What clients of other times and places mean by the same request.
#pragma once

#include <string>

#include "api/container.hpp"
#include "daemon/http/version.hpp"

namespace berth::routes {

/// Fields that moved between versions of the API, and values that clients send for "nothing".
void adapt_create_request(api::CreateRequest& request, http::ApiVersion version);

/// Throws Error for a platform that this host cannot run: kInvalidArgument for what is no platform,
/// kNotFound for another one than the host's.
void check_platform(const std::string& platform);

}  // namespace berth::routes
