#include "daemon/http/listener.hpp"

#include <array>
#include <filesystem>
#include <memory>

#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::http {

namespace {

constexpr int kBacklog = 1024;
constexpr mode_t kSocketMode = 0660;

[[noreturn]] void refuse(const std::string& address, const std::string& why) {
  throw Error(ErrorKind::kInvalidArgument, "cannot listen on \"" + address + "\": " + why);
}

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    refuse(path,
           "the path is longer than " + std::to_string(sizeof address.sun_path - 1) + " bytes");
  }
  path.copy(address.sun_path, path.size());
  return address;
}

/// A socket file that nobody serves is a leaving of a daemon that was killed.
void remove_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status{};
  if (::lstat(path.c_str(), &status) != 0) return;
  if (!S_ISSOCK(status.st_mode)) refuse(path, "the file exists and is not a socket");
  const Fd probe = own_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  if (::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    refuse(path, "another daemon listens there");
  }
  ::unlink(path.c_str());
}

void set_owner(const std::string& path, const ListenOptions& options) {
  std::array<char, 16384> buffer{};
  group entry{};
  group* found = nullptr;
  ::getgrnam_r(options.group.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr && options.group_required) {
    refuse(path, "the group \"" + options.group + "\" does not exist");
  }
  if (found != nullptr) check_errno(::chown(path.c_str(), 0, found->gr_gid), "chown", path);
}

Listener listen_unix(const std::string& path, const ListenOptions& options) {
  if (!path.starts_with('/')) refuse(path, "the path of a Unix socket must be absolute");
  const sockaddr_un address = unix_address(path);
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  remove_stale(path, address);
  Fd socket = own_fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  // Nobody may connect before owner and mode are set: bind(2) makes the file by the umask.
  const mode_t before = ::umask(0177);
  const int bound =
      ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  ::umask(before);
  check_errno(bound, "bind", path);
  SocketFile file(path);
  set_owner(path, options);
  check_errno(::chmod(path.c_str(), kSocketMode), "chmod", path);
  check_errno(::listen(socket.get(), kBacklog), "listen", path);
  return {std::move(socket), "unix://" + path, std::move(file)};
}

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(address);
    return (ntohl(v4->sin_addr.s_addr) >> 24U) == 127;
  }
  return address->sa_family == AF_INET6 &&
         IN6_IS_ADDR_LOOPBACK(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
}

Listener listen_tcp(const std::string& text, const ListenOptions& options) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) refuse("tcp://" + text, "must be tcp://host:port");
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host.empty() ? nullptr : host.c_str(),
                                   text.substr(colon + 1).c_str(), &hints, &list);
  if (failed != 0) refuse("tcp://" + text, ::gai_strerror(failed));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(list, &::freeaddrinfo);
  if (!is_loopback(list->ai_addr) && !options.allow_plain_tcp) {
    refuse("tcp://" + text,
           "whoever reaches this port would be root on this host; use a loopback address, or allow "
           "it with "
           "--allow-plain-tcp");
  }
  Fd socket =
      own_fd(::socket(list->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  const int on = 1;
  check_errno(::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), "setsockopt");
  check_errno(::bind(socket.get(), list->ai_addr, list->ai_addrlen), "bind", text);
  check_errno(::listen(socket.get(), kBacklog), "listen", text);
  return {std::move(socket), "tcp://" + text};
}

/// sd_listen_fds(3): from descriptor 3 on, as many as LISTEN_FDS says.
std::vector<Listener> listen_passed() {
  const int count = ::sd_listen_fds(1);
  if (count <= 0)
    refuse("fd://", "no socket was passed: start the daemon by its systemd socket unit");
  std::vector<Listener> listeners;
  for (int i = 0; i < count; ++i) {
    const int number = SD_LISTEN_FDS_START + i;
    if (::sd_is_socket(number, AF_UNSPEC, SOCK_STREAM, 1) <= 0) {
      refuse("fd://", "descriptor " + std::to_string(number) + " is no listening stream socket");
    }
    Listener passed{Fd(number), "fd://" + std::to_string(number)};
    set_nonblocking(number, true);
    listeners.push_back(std::move(passed));
  }
  return listeners;
}

}  // namespace

void SocketFile::remove() noexcept {
  if (!path_.empty()) ::unlink(path_.c_str());
  path_.clear();
}

std::vector<Listener> open_listeners(const std::string& address, const ListenOptions& options) {
  constexpr std::string_view kUnix = "unix://";
  constexpr std::string_view kTcp = "tcp://";
  std::vector<Listener> listeners;
  if (address.starts_with(kUnix)) {
    listeners.push_back(listen_unix(address.substr(kUnix.size()), options));
  } else if (address.starts_with(kTcp)) {
    listeners.push_back(listen_tcp(address.substr(kTcp.size()), options));
  } else if (address == "fd://" || address.starts_with("fd://")) {
    listeners = listen_passed();
  } else {
    refuse(address, "must begin with unix://, tcp:// or fd://");
  }
  return listeners;
}

}  // namespace berth::http
