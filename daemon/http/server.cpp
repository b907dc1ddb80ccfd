#include "daemon/http/server.hpp"

#include <list>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "daemon/http/connection.hpp"

namespace berth::http {

namespace {

// After accept(2) failed for want of descriptors or memory: what is short may be given back
// meanwhile.
constexpr std::chrono::milliseconds kAcceptPause{50};
// For handlers to notice that their client was cut off.
constexpr std::chrono::milliseconds kAbortGrace{1000};

asio::generic::stream_protocol protocol_of(int socket) {
  int domain = 0;
  socklen_t length = sizeof domain;
  check_errno(::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &length), "getsockopt",
              "SO_DOMAIN");
  return {domain, 0};
}

}  // namespace

class Server::Impl : public std::enable_shared_from_this<Server::Impl> {
 public:
  Impl(asio::any_io_executor streams, asio::any_io_executor control, const Router& router)
      : streams_(std::move(streams)), control_(std::move(control)), router_(router) {}

  void listen(Listener listener) {
    auto entry = std::make_shared<Accepting>(
        Accepting{asio::posix::stream_descriptor(streams_, listener.socket.release()),
                  std::move(listener.file)});
    const auto protocol = protocol_of(entry->descriptor.native_handle());
    listeners_.push_back(entry);
    asio::co_spawn(streams_, accept_loop(shared_from_this(), entry, protocol), asio::detached);
  }

  Task<> stop(std::chrono::milliseconds grace) {
    return asio::co_spawn(streams_, stop_here(shared_from_this(), grace), asio::use_awaitable);
  }

 private:
  struct Accepting {
    asio::posix::stream_descriptor descriptor;
    SocketFile file;
  };
  using Connections = std::list<std::unique_ptr<Connection>>;

  static Task<> accept_loop(std::shared_ptr<Impl> self, std::shared_ptr<Accepting> from,
                            asio::generic::stream_protocol protocol) {
    for (;;) {
      boost::system::error_code error;
      co_await from->descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                                           asio::redirect_error(asio::use_awaitable, error));
      if (error || self->stopping_) co_return;
      if (!self->accept_all(*from, protocol)) {
        asio::steady_timer pause(self->streams_, kAcceptPause);
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
      }
    }
  }

  /// False when the system is short of something.
  bool accept_all(Accepting& from, const asio::generic::stream_protocol& protocol) {
    for (;;) {
      const int number = ::accept4(from.descriptor.native_handle(), nullptr, nullptr,
                                   SOCK_CLOEXEC | SOCK_NONBLOCK);
      if (number < 0) {
        if (errno == EINTR || errno == ECONNABORTED) continue;
        if (errno == EAGAIN) return true;
        log::warn("accept: {}", errno_text(errno));
        return false;
      }
      // Answers are written whole: waiting for more to send along would only delay them.
      const int on = 1;
      if (protocol.family() != AF_UNIX)
        ::setsockopt(number, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      const auto entry = connections_.insert(
          connections_.end(),
          std::make_unique<Connection>(Socket(streams_, protocol, number), router_, control_));
      asio::co_spawn(streams_, serve(shared_from_this(), entry), asio::detached);
    }
  }

  static Task<> serve(std::shared_ptr<Impl> self, Connections::iterator entry) {
    try {
      co_await (*entry)->serve();
    } catch (const std::exception& error) {
      log::debug("connection ended: {}", error.what());
    }
    self->connections_.erase(entry);
    if (self->connections_.empty()) self->idle_.cancel();
  }

  static Task<> stop_here(std::shared_ptr<Impl> self, std::chrono::milliseconds grace) {
    self->stopping_ = true;
    for (const auto& listener : self->listeners_) {
      listener->descriptor.close();
      listener->file.remove();
    }
    for (const auto& connection : self->connections_)
      connection->drain();
    co_await self->wait_idle(grace);
    for (const auto& connection : self->connections_)
      connection->abort();
    // Who reads or writes sees that at once.
    co_await self->wait_idle(kAbortGrace);
  }

  Task<> wait_idle(std::chrono::milliseconds longest) {
    if (connections_.empty()) co_return;
    idle_.expires_after(longest);
    boost::system::error_code ignored;
    co_await idle_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
  }

  asio::any_io_executor streams_;
  asio::any_io_executor control_;
  const Router& router_;
  std::vector<std::shared_ptr<Accepting>> listeners_;
  Connections connections_;
  asio::steady_timer idle_{streams_};
  bool stopping_ = false;
};

Server::Server(asio::any_io_executor streams, asio::any_io_executor control, const Router& router)
    : impl_(std::make_shared<Impl>(std::move(streams), std::move(control), router)) {}

Server::~Server() = default;

void Server::listen(Listener listener) {
  impl_->listen(std::move(listener));
}

Task<> Server::stop(std::chrono::milliseconds grace) {
  return impl_->stop(grace);
}

}  // namespace berth::http
