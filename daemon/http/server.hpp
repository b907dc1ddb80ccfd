// Accepts clients and serves them. Lives on the streams executor.
#pragma once

#include <memory>
#include <vector>

#include "daemon/async/task.hpp"
#include "daemon/http/listener.hpp"
#include "daemon/http/router.hpp"

namespace berth::http {

class Server {
 public:
  /// `router` must be complete and outlive the server. Handlers run on `control`.
  Server(asio::any_io_executor streams, asio::any_io_executor control, const Router& router);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  /// Takes a listening socket and begins to accept.
  void listen(Listener listener);

  /// Accepts no more, lets present answers be finished for at most `grace`, closes what is left,
  /// and removes the sockets' files. Awaited on the control executor.
  Task<> stop(std::chrono::milliseconds grace);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth::http
