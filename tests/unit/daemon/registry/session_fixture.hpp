// A client of one fake registry over plain HTTP.
#pragma once

#include <memory>
#include <utility>

#include "daemon/registry/session.hpp"
#include "fake_server.hpp"

namespace berth::test {

struct SessionFixture {
  explicit SessionFixture(FakeServer::Handler handler) : server(io, std::move(handler)) {
    options.retry_delay = std::chrono::milliseconds(1);
    options.temporary = "/tmp";
    access.repository = "library/thing";
  }

  /// Made with what `options` and `access` hold at the first call.
  registry::Session& session() {
    if (!session_) {
      client_ = std::make_unique<registry::HttpClient>(io.get_executor(), options);
      session_ = std::make_unique<registry::Session>(
          *client_, options, registry::pull_endpoints(options, server.address()).at(1), access);
    }
    return *session_;
  }

  boost::asio::io_context io{1};
  registry::Options options;
  registry::Access access;
  FakeServer server;

 private:
  std::unique_ptr<registry::HttpClient> client_;
  std::unique_ptr<registry::Session> session_;
};

}  // namespace berth::test
