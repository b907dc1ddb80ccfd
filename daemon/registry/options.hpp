// What the administrator says about registries; filled from daemon.json, flags and the environment.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

namespace berth::registry {

/// HTTP proxies in curl's and Go's usage of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
struct ProxySettings {
  std::string http;
  std::string https;
  std::string no_proxy;
};

/// Upper case variables, then lower case ones (HTTP_PROXY in upper case too: no CGI here).
ProxySettings proxies_from_environment();

struct Options {
  /// "host", "host:port" or CIDR: certificates are not checked and plain HTTP is tried after HTTPS.
  /// 127.0.0.0/8, ::1 and localhost always belong to it.
  std::vector<std::string> insecure_registries;
  /// URLs that are asked before Docker Hub itself ("registry-mirrors").
  std::vector<std::string> mirrors;
  /// Folders <host[:port]>/ with ca.crt, client.cert and client.key.
  std::filesystem::path certificates = "/etc/berth/certs.d";
  /// Where downloads wait for extraction; made when missing.
  std::filesystem::path temporary;
  unsigned max_concurrent_downloads = 3;
  unsigned max_concurrent_uploads = 5;
  /// Of uploads, too.
  unsigned max_download_attempts = 5;
  /// The wait in front of the second attempt; it doubles for each further one.
  std::chrono::milliseconds retry_delay{500};
  ProxySettings proxies;
  std::string user_agent = "berth";
};

}  // namespace berth::registry
