// Who pulls: the content of a request's X-Registry-Auth header.
#pragma once

#include <string>
#include <string_view>

namespace berth::registry {

/// Never logged, never in an error text.
struct Credentials {
  std::string username;
  std::string password;
  /// An OAuth2 refresh token, traded for access tokens at the token server.
  std::string identity_token;
  /// A bearer token that is sent as it is.
  std::string registry_token;

  bool empty() const noexcept {
    return username.empty() && password.empty() && identity_token.empty() && registry_token.empty();
  }
};

/// Base64url (padded or not) of {"username", "password", "identitytoken", "registrytoken"}; an
/// empty text and "e30=" are no credentials. Throws Error{kInvalidArgument} that does not repeat
/// the text.
Credentials parse_registry_auth(std::string_view header);

/// "Basic ..." of RFC 7617.
std::string basic_authorization(std::string_view username, std::string_view password);

}  // namespace berth::registry
