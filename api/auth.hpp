// Credentials for a registry: the body of POST /auth and, as base64, the header X-Registry-Auth.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct AuthConfig {
  std::string username;
  std::string password;
  std::string auth;  // base64 of "username:password"
  std::string email;
  std::string server_address;
  std::string identity_token;
  std::string registry_token;

  static constexpr auto fields() {
    using enum Rule;
    using A = AuthConfig;
    return std::tuple{field("username", &A::username, kOmitEmpty),
                      field("password", &A::password, kOmitEmpty),
                      field("auth", &A::auth, kOmitEmpty),
                      field("email", &A::email, kOmitEmpty),
                      field("serveraddress", &A::server_address, kOmitEmpty),
                      field("identitytoken", &A::identity_token, kOmitEmpty),
                      field("registrytoken", &A::registry_token, kOmitEmpty)};
  }
  bool operator==(const AuthConfig&) const = default;
};

struct AuthResponse {
  std::string status;
  std::string identity_token;

  static constexpr auto fields() {
    return std::tuple{field("Status", &AuthResponse::status),
                      field("IdentityToken", &AuthResponse::identity_token, Rule::kOmitEmpty)};
  }
  bool operator==(const AuthResponse&) const = default;
};

}  // namespace berth::api
