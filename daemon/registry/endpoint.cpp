#include "daemon/registry/endpoint.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <boost/url/url.hpp>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::registry {

namespace {

namespace ip = boost::asio::ip;

[[noreturn]] void refuse_url(std::string_view text) {
  throw Error(ErrorKind::kInvalidArgument, "invalid URL \"" + std::string(text) +
                                               "\": must be http://host[:port]/path or https://");
}

/// Control characters in a URL would end a request's line or header.
bool is_clean(std::string_view text) {
  return std::none_of(text.begin(), text.end(),
                      [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; });
}

Url from_view(const boost::urls::url_view& view, std::string_view text) {
  Url url;
  const std::string scheme = to_lower(std::string_view(view.scheme()));
  if ((scheme != "http" && scheme != "https") || view.host().empty()) refuse_url(text);
  url.tls = scheme == "https";
  url.host = to_lower(view.host_address());
  url.port = std::string(view.port());
  if (url.port.empty()) url.port = url.tls ? "443" : "80";
  if (parse_number<std::uint16_t>(url.port).value_or(0) == 0) refuse_url(text);
  url.target = std::string(view.encoded_target());
  if (url.target.empty() || url.target.front() != '/') url.target.insert(0, "/");
  url.username = view.user();
  url.password = view.password();
  return url;
}

std::optional<ip::address> parse_address(std::string_view text) {
  boost::system::error_code error;
  auto address = ip::make_address(std::string(text), error);
  if (error) return std::nullopt;
  return address;
}

bool network_contains(const std::string& cidr, const ip::address& address) {
  boost::system::error_code error;
  if (address.is_v4()) {
    const auto network = ip::make_network_v4(cidr, error);
    if (error) return false;
    return ip::network_v4(address.to_v4(), network.prefix_length()).canonical() ==
           network.canonical();
  }
  const auto network = ip::make_network_v6(cidr, error);
  if (error) return false;
  return ip::network_v6(address.to_v6(), network.prefix_length()).canonical() ==
         network.canonical();
}

bool is_loopback(std::string_view host) {
  if (host == "localhost") return true;
  const auto address = parse_address(host);
  return address && address->is_loopback();
}

Url registry_url(std::string_view registry, bool tls) {
  Url url = parse_url((tls ? "https://" : "http://") + std::string(registry));
  // The name also becomes that of a folder below certs.d.
  if (url.target != "/" || !url.username.empty() || registry.front() == '.') {
    throw Error(ErrorKind::kInvalidArgument,
                "invalid registry \"" + std::string(registry) + "\": must be host or host:port");
  }
  return url;
}

/// Trailing slashes of a mirror's path would double in front of "/v2/".
void trim_path(Url& url) {
  while (!url.target.empty() && url.target.back() == '/')
    url.target.pop_back();
}

bool matches_no_proxy(std::string_view entry, const Url& url) {
  std::string pattern = to_lower(trim(entry));
  if (pattern.empty()) return false;
  if (pattern == "*") return true;
  if (const auto address = parse_address(url.host)) {
    if (pattern.find('/') != std::string::npos) return network_contains(pattern, *address);
    if (const auto other = parse_address(pattern)) return *other == *address;
  }
  if (const std::size_t colon = pattern.rfind(':'); colon != std::string::npos) {
    if (pattern.substr(colon + 1) != url.port) return false;
    pattern.erase(colon);
  }
  if (pattern.starts_with("*.")) pattern.erase(0, 1);
  if (pattern.starts_with(".")) return url.host.ends_with(pattern);
  return url.host == pattern || url.host.ends_with("." + pattern);
}

std::string from_environment(const char* upper, const char* lower) {
  for (const char* name : {upper, lower}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
    if (value != nullptr && *value != '\0') return value;
  }
  return {};
}

}  // namespace

std::string Url::authority() const {
  const std::string name = host.find(':') == std::string::npos ? host : "[" + host + "]";
  return port == (tls ? "443" : "80") ? name : name + ":" + port;
}

std::string Url::str() const {
  return (tls ? "https://" : "http://") + authority() + target;
}

Url parse_url(std::string_view text) {
  const auto view = boost::urls::parse_uri(text);
  if (!view || !is_clean(text)) refuse_url(text);
  return from_view(*view, text);
}

Url resolve_url(const Url& base, std::string_view location) {
  const auto reference = boost::urls::parse_uri_reference(location);
  if (!reference || !is_clean(location)) refuse_url(location);
  const std::string base_text = base.str();
  const auto base_view = boost::urls::parse_uri(base_text);
  if (!base_view) refuse_url(base_text);
  boost::urls::url resolved;
  if (!boost::urls::resolve(*base_view, *reference, resolved)) refuse_url(location);
  return from_view(resolved, location);
}

std::string encode_query(std::string_view value) {
  return boost::urls::encode(value, boost::urls::unreserved_chars);
}

ProxySettings proxies_from_environment() {
  return {from_environment("HTTP_PROXY", "http_proxy"),
          from_environment("HTTPS_PROXY", "https_proxy"), from_environment("NO_PROXY", "no_proxy")};
}

bool is_insecure(const Options& options, std::string_view registry) {
  const Url url = registry_url(registry, true);
  if (is_loopback(url.host)) return true;
  const auto address = parse_address(url.host);
  return std::any_of(options.insecure_registries.begin(), options.insecure_registries.end(),
                     [&](const std::string& entry) {
                       if (entry == registry || entry == url.host) return true;
                       return address && network_contains(entry, *address);
                     });
}

std::vector<Endpoint> pull_endpoints(const Options& options, std::string_view registry) {
  std::vector<Endpoint> endpoints;
  if (registry == kDockerHub) {
    for (const std::string& mirror : options.mirrors) {
      Endpoint endpoint{parse_url(mirror), true, true, {}};
      trim_path(endpoint.base);
      endpoint.name = endpoint.base.authority();
      endpoint.verify = !is_insecure(options, endpoint.name);
      endpoints.push_back(std::move(endpoint));
    }
    endpoints.push_back({registry_url("registry-1.docker.io", true), true, false, "docker.io"});
  } else {
    const bool insecure = is_insecure(options, registry);
    endpoints.push_back({registry_url(registry, true), !insecure, false, std::string(registry)});
    if (insecure) {
      endpoints.push_back({registry_url(registry, false), false, false, std::string(registry)});
    }
  }
  for (Endpoint& endpoint : endpoints)
    trim_path(endpoint.base);
  return endpoints;
}

std::vector<Endpoint> own_endpoints(const Options& options, std::string_view registry) {
  std::vector<Endpoint> endpoints = pull_endpoints(options, registry);
  std::erase_if(endpoints, [](const Endpoint& endpoint) { return endpoint.mirror; });
  return endpoints;
}

std::string proxy_for(const ProxySettings& proxies, const Url& url) {
  const std::string& proxy = url.tls ? proxies.https : proxies.http;
  if (proxy.empty() || is_loopback(url.host)) return {};
  for (const std::string_view entry : split(proxies.no_proxy, ',')) {
    if (matches_no_proxy(entry, url)) return {};
  }
  return proxy.find("://") == std::string::npos ? "http://" + proxy : proxy;
}

}  // namespace berth::registry
