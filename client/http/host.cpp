#include "client/http/host.hpp"

#include <cstdlib>
#include <cstring>
#include <memory>

#include <grp.h>
#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "common/error.hpp"

namespace berth::client {

namespace {

constexpr std::string_view kUnixScheme = "unix://";
constexpr std::string_view kTcpScheme = "tcp://";

Error invalid_host(std::string_view text) {
  return Error(ErrorKind::kInvalidArgument,
               "invalid host \"" + std::string(text) +
                   "\": expected unix:///path/to/socket or tcp://address:port");
}

Host parse_tcp(std::string_view text, std::string_view rest) {
  Host host;
  host.transport = Host::Transport::kTcp;
  host.port = "2375";
  if (!rest.empty() && rest.back() == '/') rest.remove_suffix(1);
  std::string_view after = rest;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) throw invalid_host(text);
    host.address = rest.substr(1, end - 1);
    after = rest.substr(end + 1);
  } else {
    const std::size_t colon = rest.find(':');
    host.address = rest.substr(0, colon);
    after = colon == std::string_view::npos ? std::string_view() : rest.substr(colon);
  }
  if (after.size() > 1 && after.front() == ':') {
    host.port = after.substr(1);
  } else if (!after.empty()) {
    throw invalid_host(text);
  }
  if (host.address.empty()) host.address = "127.0.0.1";
  return host;
}

/// The group that may use the socket, for advice.
std::string group_of(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) == 0) {
    const group* found = ::getgrgid(status.st_gid);  // NOLINT(concurrency-mt-unsafe): one thread
    if (found != nullptr && status.st_gid != 0) return found->gr_name;
  }
  return "berth";
}

Error unreachable(const Host& host, int error) {
  if (error == EACCES || error == EPERM) {
    return Error(ErrorKind::kForbidden,
                 "permission denied: you may not use the daemon's socket " + host.path +
                     "\nAdd yourself to the group \"" + group_of(host.path) + "\" (usermod -aG " +
                     group_of(host.path) + " $USER, then log in again), or use sudo",
                 error);
  }
  return Error(ErrorKind::kUnavailable,
               "cannot connect to the Berth daemon at " + host.text() + ": " + errno_text(error) +
                   "\nIs berthd running? Start it (systemctl start berth), or say where it "
                   "listens with -H or BERTH_HOST",
               error);
}

Fd connect_unix(const Host& host) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (host.path.size() >= sizeof address.sun_path) throw unreachable(host, ENAMETOOLONG);
  std::memcpy(address.sun_path, host.path.data(), host.path.size());
  Fd socket = own_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    throw unreachable(host, errno);
  }
  return socket;
}

Fd connect_tcp(const Host& host) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int result = ::getaddrinfo(host.address.c_str(), host.port.c_str(), &wanted, &list);
  if (result != 0) {
    throw Error(ErrorKind::kUnavailable, "cannot find the host of " + host.text() + ": " +
                                             ::gai_strerror(result) +
                                             "\nCheck the address given with -H or BERTH_HOST");
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  int error = ECONNREFUSED;
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    Fd socket(::socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, each->ai_protocol));
    if (socket && ::connect(socket.get(), each->ai_addr, each->ai_addrlen) == 0) return socket;
    error = errno;
  }
  throw unreachable(host, error);
}

}  // namespace

std::string Host::text() const {
  if (transport == Transport::kUnix) return std::string(kUnixScheme) + path;
  const bool v6 = address.find(':') != std::string::npos;
  return std::string(kTcpScheme) + (v6 ? "[" + address + "]" : address) + ":" + port;
}

Host parse_host(std::string_view text) {
  if (text.starts_with(kTcpScheme)) return parse_tcp(text, text.substr(kTcpScheme.size()));
  if (!text.starts_with(kUnixScheme)) throw invalid_host(text);
  Host host;
  host.path = text.substr(kUnixScheme.size());
  if (!host.path.starts_with('/')) throw invalid_host(text);
  return host;
}

Host choose_host(std::string_view flag) {
  if (!flag.empty()) return parse_host(flag);
  for (const char* name : {"BERTH_HOST", "DOCKER_HOST"}) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    if (value != nullptr && *value != '\0') return parse_host(value);
  }
  return parse_host(kDefaultHost);
}

Fd connect_to(const Host& host) {
  return host.transport == Host::Transport::kUnix ? connect_unix(host) : connect_tcp(host);
}

}  // namespace berth::client
