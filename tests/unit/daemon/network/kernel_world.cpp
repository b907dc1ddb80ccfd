#include "kernel_world.hpp"

#include <chrono>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "common/process.hpp"
#include "daemon/network/netns.hpp"

namespace berth::network {

namespace {

// Milliseconds; less than the second after which TCP tries again, so that a lost packet shows.
constexpr int kPatience = 900;

Fd this_namespace() {
  return own_fd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), "open", "netns");
}

sockaddr_in address_of(const std::string& address, std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  inet_pton(AF_INET, address.c_str(), &in.sin_addr);
  return in;
}

const sockaddr* generic(const sockaddr_in& in) {
  return reinterpret_cast<const sockaddr*>(&in);
}

bool wait_for(int fd, short events) {
  pollfd entry{fd, events, 0};
  return poll(&entry, 1, kPatience) == 1;
}

}  // namespace

Fd new_namespace() {
  Fd result;
  std::thread([&result] {
    check_errno(unshare(CLONE_NEWNET), "unshare");
    result = this_namespace();
  }).join();
  return result;
}

OwnHost::OwnHost() : home_(this_namespace()) {
  check_errno(unshare(CLONE_NEWNET), "unshare");
  shell("ip link set lo up");
}

OwnHost::~OwnHost() {
  if (setns(home_.get(), CLONE_NEWNET) != 0) std::abort();
}

Daemon::Daemon(Settings settings)
    : service_(std::make_unique<NetworkService>(context_.get_executor(), pool_, std::move(settings),
                                                make_built_in_ids())) {}

Daemon::~Daemon() {
  drive(service().stop());
}

void Daemon::drive(Task<> task) {
  std::vector<Task<>> one;
  one.push_back(std::move(task));
  run_all(std::move(one));
}

void Daemon::run_all(std::vector<Task<>> tasks) {
  std::size_t left = tasks.size();
  std::exception_ptr failure;
  for (Task<>& task : tasks) {
    asio::co_spawn(context_, std::move(task), [&](const std::exception_ptr& error) {
      --left;
      if (error && !failure) failure = error;
    });
  }
  while (left > 0) {
    if (context_.run_one() == 0) context_.restart();
  }
  if (failure) std::rethrow_exception(failure);
}

bool Daemon::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    context_.restart();
    context_.run_for(std::chrono::milliseconds(50));
  }
  return true;
}

Daemon& Daemon::up() {
  run(service().start());
  run(service().clear_leavings());
  return *this;
}

Reservation Daemon::reserve(const std::string& name, std::vector<PortBinding> ports) {
  EndpointRequest request;
  request.container = ContainerId(name);
  request.container_name = name;
  request.ports = std::move(ports);
  return run(service().reserve(std::move(request)));
}

Fd listen_in(const Fd& there, std::uint16_t port, int type) {
  const InNamespace inside(there.get());
  Fd fd = own_fd(socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
  const sockaddr_in any = address_of("0.0.0.0", port);
  check_errno(bind(fd.get(), generic(any), sizeof(any)), "bind");
  if (type == SOCK_STREAM) check_errno(listen(fd.get(), 10), "listen");
  return fd;
}

Fd connect_from(const Fd* there, const std::string& address, std::uint16_t port, int type) {
  Fd fd;
  {
    std::optional<InNamespace> inside;
    if (there != nullptr) inside.emplace(there->get());
    fd = own_fd(socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "socket");
  }
  const sockaddr_in target = address_of(address, port);
  if (connect(fd.get(), generic(target), sizeof(target)) == 0) return fd;
  int error = errno;
  socklen_t size = sizeof(error);
  if (error != EINPROGRESS || !wait_for(fd.get(), POLLOUT)) return {};
  if (getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0) return {};
  return fd;
}

std::string accept_peer(const Fd& listener) {
  if (!wait_for(listener.get(), POLLIN)) return "";
  sockaddr_in peer{};
  socklen_t size = sizeof(peer);
  const Fd connection(
      accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC));
  return inet_ntoa(peer.sin_addr);
}

bool reaches(const Fd* there, const std::string& address, std::uint16_t port, const Fd& listener) {
  const Fd connection = connect_from(there, address, port, SOCK_STREAM);
  return connection && !accept_peer(listener).empty();
}

std::string shell(const std::string& command) {
  ProcessOptions options;
  options.argv = {"/bin/sh", "-c", command};
  return run_process_checked(options);
}

std::string shell_in(const Fd& there, const std::string& command) {
  const InNamespace inside(there.get());
  return shell(command);
}

}  // namespace berth::network
