#include "daemon/shim/forwarder.hpp"

#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <catch2/catch.hpp>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/file.hpp"

using namespace berth;
using namespace berth::shim;

namespace {

constexpr std::size_t kMost = 8;

Fd bound_socket(int type) {
  Fd socket = own_fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
  const sockaddr_in address = container_address("127.0.0.1", 0);
  check_errno(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address),
              "bind");
  if (type == SOCK_STREAM) check_errno(::listen(socket.get(), 16), "listen");
  return socket;
}

sockaddr_in address_of(const Fd& socket) {
  sockaddr_in address{};
  socklen_t length = sizeof address;
  check_errno(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &length),
              "getsockname");
  return address;
}

Fd connected(int type, const sockaddr_in& to) {
  Fd socket = own_fd(::socket(AF_INET, type | SOCK_CLOEXEC, 0), "socket");
  check_errno(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to),
              "connect");
  return socket;
}

/// Runs `client` beside the loop and stops the loop when it has returned.
template <typename Client>
void run_with(Loop& loop, Client client) {
  const Pipe done = make_pipe();
  loop.add(done.read.get(), EPOLLIN, [&](std::uint32_t) { loop.stop(); });
  std::jthread thread([&] {
    client();
    (void)::write(done.write.get(), "x", 1);
  });
  loop.run();
}

}  // namespace

TEST_CASE("TCP goes both ways, and the end of one direction leaves the other open", "[forwarder]") {
  Loop loop;
  Fd published = bound_socket(SOCK_STREAM);
  set_nonblocking(published.get(), true);
  const sockaddr_in front = address_of(published);
  const Fd service = bound_socket(SOCK_STREAM);
  TcpForwarder forwarder(loop, std::move(published), address_of(service), kMost);
  const std::string sent(std::size_t{2} << 20U, 'q');
  std::string received;
  std::string answer;
  run_with(loop, [&] {
    const Fd client = connected(SOCK_STREAM, front);
    std::jthread server([&] {
      const Fd peer(::accept4(service.get(), nullptr, nullptr, SOCK_CLOEXEC));
      received = read_all(peer.get(), "peer");
      write_all(peer.get(), "got all", "peer");
    });
    write_all(client.get(), sent, "client");
    ::shutdown(client.get(), SHUT_WR);
    answer = read_all(client.get(), "client");
  });
  CHECK(received == sent);
  CHECK(answer == "got all");
}

TEST_CASE("a container that refuses closes the client's connection", "[forwarder]") {
  Loop loop;
  Fd published = bound_socket(SOCK_STREAM);
  set_nonblocking(published.get(), true);
  const sockaddr_in front = address_of(published);
  sockaddr_in nobody{};
  {
    nobody = address_of(bound_socket(SOCK_STREAM));
  }
  TcpForwarder forwarder(loop, std::move(published), nobody, kMost);
  ssize_t got = -1;
  run_with(loop, [&] {
    const Fd client = connected(SOCK_STREAM, front);
    char byte = 0;
    got = ::read(client.get(), &byte, 1);
  });
  CHECK(got <= 0);
}

TEST_CASE("UDP answers find the client that asked", "[forwarder]") {
  Loop loop;
  Fd published = bound_socket(SOCK_DGRAM);
  set_nonblocking(published.get(), true);
  const sockaddr_in front = address_of(published);
  const Fd service = bound_socket(SOCK_DGRAM);
  UdpForwarder forwarder(loop, std::move(published), address_of(service), kMost);
  std::string first_answer;
  std::string second_answer;
  run_with(loop, [&] {
    const auto serve = [&] {
      char buffer[64];
      sockaddr_in from{};
      socklen_t length = sizeof from;
      const ssize_t got = ::recvfrom(service.get(), buffer, sizeof buffer, 0,
                                     reinterpret_cast<sockaddr*>(&from), &length);
      const std::string reply = "re:" + std::string(buffer, static_cast<std::size_t>(got));
      ::sendto(service.get(), reply.data(), reply.size(), 0, reinterpret_cast<sockaddr*>(&from),
               length);
    };
    const auto receive = [](const Fd& socket) {
      char buffer[64];
      const ssize_t got = ::recv(socket.get(), buffer, sizeof buffer, 0);
      return std::string(buffer, static_cast<std::size_t>(got));
    };
    const Fd first = connected(SOCK_DGRAM, front);
    const Fd second = connected(SOCK_DGRAM, front);
    write_all(first.get(), "one", "first");
    serve();
    write_all(second.get(), "two", "second");
    serve();
    second_answer = receive(second);
    first_answer = receive(first);
  });
  CHECK(first_answer == "re:one");
  CHECK(second_answer == "re:two");
}

TEST_CASE("clients beyond the bound wait, and get their turn", "[forwarder]") {
  Loop loop;
  Fd published = bound_socket(SOCK_STREAM);
  set_nonblocking(published.get(), true);
  const sockaddr_in front = address_of(published);
  const Fd service = bound_socket(SOCK_STREAM);
  TcpForwarder forwarder(loop, std::move(published), address_of(service), 1);
  std::string answers;
  run_with(loop, [&] {
    const auto serve_one = [&] {
      const Fd peer(::accept4(service.get(), nullptr, nullptr, SOCK_CLOEXEC));
      write_all(peer.get(), "x", "peer");
    };
    Fd first = connected(SOCK_STREAM, front);
    const Fd second = connected(SOCK_STREAM, front);
    serve_one();
    answers += read_all(first.get(), "first");
    // Only with the first one gone is the second one's connection made.
    pollfd waiting{service.get(), POLLIN, 0};
    if (::poll(&waiting, 1, 0) == 0) answers += "-";
    first.reset();
    serve_one();
    answers += read_all(second.get(), "second");
  });
  CHECK(answers == "x-x");
}

TEST_CASE("idle UDP clients are forgotten", "[forwarder]") {
  Loop loop;
  Fd published = bound_socket(SOCK_DGRAM);
  set_nonblocking(published.get(), true);
  const sockaddr_in front = address_of(published);
  const Fd service = bound_socket(SOCK_DGRAM);
  UdpForwarder forwarder(loop, std::move(published), address_of(service), 2);
  int received = 0;
  run_with(loop, [&] {
    std::vector<Fd> clients;
    for (int i = 0; i < 3; ++i) {
      clients.push_back(connected(SOCK_DGRAM, front));
      write_all(clients.back().get(), "x", "client");
    }
    char byte = 0;
    while (received < 2 && ::recv(service.get(), &byte, 1, 0) == 1)
      ++received;
  });
  CHECK(received == 2);
  CHECK(forwarder.clients() == 2);
  forwarder.forget_idle(std::chrono::steady_clock::now() - std::chrono::seconds(90));
  CHECK(forwarder.clients() == 2);
  forwarder.forget_idle(std::chrono::steady_clock::now());
  CHECK(forwarder.clients() == 0);
}
