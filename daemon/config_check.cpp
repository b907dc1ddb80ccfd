// What the configuration's values may be.
#include <algorithm>
#include <array>
#include <set>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/units.hpp"
#include "daemon/config_options.hpp"

namespace berth {

namespace {

[[noreturn]] void refuse(const std::string& what, const std::string& value,
                         const std::string& should_be) {
  throw Error(ErrorKind::kInvalidArgument,
              "invalid " + what + " \"" + value + "\": must be " + should_be);
}

[[noreturn]] void not_supported(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

bool is_address(const std::string& text, int family) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return ::inet_pton(family, text.c_str(), address.data()) == 1;
}

void check_ipv4(const std::string& what, const std::string& value) {
  if (!value.empty() && !is_address(value, AF_INET)) refuse(what, value, "an IPv4 address");
}

void check_cidr(const std::string& what, const std::string& value, const char* example) {
  if (value.empty()) return;
  const std::size_t slash = value.find('/');
  const auto length =
      slash == std::string::npos ? std::nullopt : parse_number<int>(value.substr(slash + 1));
  if (!length || *length < 1 || *length > 32 || !is_address(value.substr(0, slash), AF_INET)) {
    refuse(what, value, std::string("like ") + example);
  }
}

void check_range(const std::string& what, int value, int least, int most) {
  if (value >= least && value <= most) return;
  refuse(what, std::to_string(value),
         "from " + std::to_string(least) + " to " + std::to_string(most));
}

void check_one_of(const std::string& what, const std::string& value,
                  std::initializer_list<std::string> known) {
  if (std::find(known.begin(), known.end(), value) != known.end()) return;
  refuse(what, value, join(std::vector<std::string>(known), " or "));
}

void check_host(const std::string& host) {
  constexpr std::string_view kTcp = "tcp://";
  if (host == "fd://" || (host.starts_with("unix:///") && host.size() > 8)) return;
  if (host.starts_with(kTcp) && host.find(':', kTcp.size()) != std::string::npos) return;
  refuse("host", host, "unix:///PATH, tcp://HOST:PORT or fd://");
}

void check_daemon(const Config& config) {
  for (const auto& [what, path] :
       {std::pair{"data root", &config.data_root}, std::pair{"exec root", &config.exec_root}}) {
    if (!path->is_absolute()) refuse(what, path->native(), "an absolute path");
  }
  for (const std::string& host : config.hosts)
    check_host(host);
  static const std::set<std::string_view> kLevels = {"debug", "info", "warn", "error", "fatal"};
  if (!kLevels.contains(config.log_level)) {
    refuse("log level", config.log_level, "debug, info, warn, error or fatal");
  }
  for (const std::string& label : config.labels) {
    if (label.find('=') == std::string::npos || label.starts_with('=')) {
      refuse("label", label, "KEY=VALUE");
    }
  }
  check_range("shutdown timeout", config.shutdown_timeout, 0, 3600);
  if (!config.live_restore) {
    not_supported("live-restore cannot be switched off: containers never depend on the daemon");
  }
  if (config.tls || config.tls_verify || !config.tls_ca_certificate.empty() ||
      !config.tls_certificate.empty() || !config.tls_key.empty()) {
    not_supported(
        "TLS is not supported yet: use a Unix socket, over ssh where the client is elsewhere");
  }
}

void check_network(const Config& config) {
  constexpr int kSmallestMtu = 68;  // RFC 791
  constexpr int kLargestMtu = 65535;
  check_range("mtu", config.mtu, kSmallestMtu, kLargestMtu);
  if (config.bridge.empty() || config.bridge.size() > 15) {
    refuse("bridge", config.bridge, "a name of 1 to 15 characters");
  }
  check_cidr("bip", config.bip, "172.17.0.1/16");
  check_cidr("fixed-cidr", config.fixed_cidr, "172.17.1.0/24");
  check_ipv4("default gateway", config.default_gateway);
  check_ipv4("ip", config.ip);
  for (const std::string& server : config.dns) {
    if (!is_address(server, AF_INET) && !is_address(server, AF_INET6)) {
      refuse("dns", server, "an IP address");
    }
  }
  for (const AddressPoolOption& pool : config.default_address_pools) {
    if (pool.base.empty()) refuse("default address pool", pool.base, "like 172.80.0.0/16");
    check_cidr("default address pool", pool.base, "172.80.0.0/16");
    const int length = parse_number<int>(pool.base.substr(pool.base.find('/') + 1)).value_or(32);
    check_range("size of the default address pool", pool.size, length, 32);
  }
  if (!config.userland_proxy) {
    not_supported(
        "userland-proxy cannot be switched off: published ports are reached from loopback "
        "addresses by the containers' shims");
  }
}

void check_containers(const Config& config) {
  if (!config.storage_options.empty()) {
    not_supported("unknown storage option \"" + config.storage_options.front() +
                  "\": the storage drivers have none");
  }
  for (const std::string& option : config.exec_options) {
    if (option != "native.cgroupdriver=cgroupfs") {
      refuse("exec option", option, "native.cgroupdriver=cgroupfs");
    }
  }
  for (const auto& [name, limits] : config.default_ulimits) {
    if (!is_ulimit_name(name))
      refuse("default ulimit", name, "the name of a limit, such as nofile");
    const bool in_order = limits.hard == -1 || (limits.soft != -1 && limits.soft <= limits.hard);
    if (!in_order) {
      refuse("default ulimit",
             name + "=" + std::to_string(limits.soft) + ":" + std::to_string(limits.hard),
             "a soft limit that is not above the hard one");
    }
  }
  check_one_of("default ipc mode", config.default_ipc_mode, {"private", "shareable"});
  check_one_of("default cgroup namespace mode", config.default_cgroupns_mode, {"private", "host"});
  if (!config.init_path.empty() && ::access(config.init_path.c_str(), X_OK) != 0) {
    refuse("init path", config.init_path.native(), "a program that can be executed");
  }
  parse_memory_size(config.default_shm_size);
  const std::string& profile = config.seccomp_profile.native();
  if (!profile.empty() && profile != "builtin" && profile != "unconfined" &&
      ::access(profile.c_str(), R_OK) != 0) {
    refuse("seccomp profile", profile, "a file that can be read, \"builtin\" or \"unconfined\"");
  }
}

void check_registries(const Config& config) {
  for (const std::string& mirror : config.registry_mirrors) {
    if (!mirror.starts_with("https://") && !mirror.starts_with("http://")) {
      refuse("registry mirror", mirror, "a URL such as https://mirror.example");
    }
  }
  for (const std::string& registry : config.insecure_registries) {
    if (registry.empty() || registry.find("://") != std::string::npos) {
      refuse("insecure registry", registry, "HOST, HOST:PORT or a network such as 10.0.0.0/8");
    }
  }
  check_range("number of concurrent downloads", config.max_concurrent_downloads, 1, 1000);
  check_range("number of concurrent uploads", config.max_concurrent_uploads, 1, 1000);
  check_range("number of download attempts", config.max_download_attempts, 1, 1000);
}

}  // namespace

void check_config(const Config& config) {
  check_daemon(config);
  check_network(config);
  check_containers(config);
  check_registries(config);
}

}  // namespace berth
