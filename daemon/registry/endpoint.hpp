// Where a registry's name leads: hosts, schemes and the trust put in them. Pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "daemon/registry/options.hpp"

namespace berth::registry {

/// The parts of an http(s) URL that a client needs.
struct Url {
  bool tls = true;
  std::string host;
  std::string port;
  /// Path and query, as they are sent; begins with '/'.
  std::string target = "/";
  /// User and password in the URL, decoded; used for proxies alone.
  std::string username;
  std::string password;

  /// "host" or "host:port" when the port is not the scheme's; [] around an IPv6 address.
  std::string authority() const;
  std::string str() const;
  bool same_origin(const Url& other) const {
    return tls == other.tls && host == other.host && port == other.port;
  }
};

/// An absolute http or https URL. Throws Error{kInvalidArgument}.
Url parse_url(std::string_view text);
/// `location` of a redirect, absolute or relative to `base` (RFC 3986, 5.2). Throws Error.
Url resolve_url(const Url& base, std::string_view location);
/// Percent-encoded for a query's value.
std::string encode_query(std::string_view value);

/// One way to a registry; they are tried in turn.
struct Endpoint {
  Url base;
  /// Check the server's certificate.
  bool verify = true;
  bool mirror = false;
  /// The folder in certs.d: the registry's name as the user wrote it.
  std::string name;
};

inline constexpr std::string_view kDockerHub = "docker.io";

/// The endpoints of `registry` ("docker.io", "host", "host:port") for a pull. Throws
/// Error{kInvalidArgument} for a malformed name or mirror.
std::vector<Endpoint> pull_endpoints(const Options& options, std::string_view registry);

/// The same without mirrors: for all that is about the registry itself.
std::vector<Endpoint> own_endpoints(const Options& options, std::string_view registry);

/// True for loopback names and addresses and for what insecure_registries lists.
bool is_insecure(const Options& options, std::string_view registry);

/// The proxy for `url`, or an empty text: NO_PROXY's hosts, domain suffixes, CIDRs and "*" go
/// direct, loopback does always.
std::string proxy_for(const ProxySettings& proxies, const Url& url);

}  // namespace berth::registry
