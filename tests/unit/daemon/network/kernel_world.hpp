// What the tests with a real kernel (tag [.root]) work in: a network namespace of the test's own,
// others that play containers and neighbours, and sockets in each.
#pragma once

#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>

#include "common/fd.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/network/service.hpp"

namespace berth::network {

/// A network namespace that lives as long as its descriptor.
Fd new_namespace();

/// The calling thread, and those that it starts, are on a host of their own while this lives.
class OwnHost {
 public:
  OwnHost();
  OwnHost(const OwnHost&) = delete;
  OwnHost& operator=(const OwnHost&) = delete;
  ~OwnHost();

 private:
  Fd home_;
};

/// A daemon's worth of the network room. What it holds when it goes is left
/// in the kernel, as after SIGKILL.
class Daemon {
 public:
  explicit Daemon(Settings settings = {});
  ~Daemon();

  NetworkService& service() { return *service_; }
  /// start() and clear_leavings().
  Daemon& up();
  template <typename T>
  T run(Task<T> task) {
    std::optional<T> result;
    drive(store(std::move(task), result));
    return std::move(*result);
  }
  void run(Task<> task) { drive(std::move(task)); }
  /// All at once; throws the first failure when every one has ended.
  void run_all(std::vector<Task<>> tasks);

  /// Lets the background work go on until the condition holds; false when it takes too long.
  bool eventually(const std::function<bool()>& condition);

  Reservation reserve(const std::string& name, std::vector<PortBinding> ports = {});
  void attach(const Endpoint& endpoint, const Fd& there) {
    run(service().attach(endpoint, there.duplicate()));
  }
  void release(const Endpoint& endpoint) { run(service().release(endpoint)); }

 private:
  template <typename T>
  static Task<> store(Task<T> task, std::optional<T>& result) {
    result = co_await std::move(task);
  }
  void drive(Task<> task);

  asio::io_context context_{1};
  BlockingPool pool_{4};
  std::unique_ptr<NetworkService> service_;
};

/// Listens on a port of every address in the namespace.
Fd listen_in(const Fd& there, std::uint16_t port, int type);
/// Connects from the namespace (or, without one, from the host); nothing when it fails or takes
/// long.
Fd connect_from(const Fd* there, const std::string& address, std::uint16_t port, int type);
/// Who connected, as the server sees it; empty when nobody does in time.
std::string accept_peer(const Fd& listener);
/// True when a TCP connection from there reaches that very listener.
bool reaches(const Fd* there, const std::string& address, std::uint16_t port, const Fd& listener);

/// What a shell command says.
std::string shell(const std::string& command);
/// The same, in the namespace.
std::string shell_in(const Fd& there, const std::string& command);

}  // namespace berth::network
