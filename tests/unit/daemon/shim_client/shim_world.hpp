// A daemon's half of a container's life, for the hidden tests that need root: the real berth-shim,
// the real busybox, and an executor that a test runs until its task is over.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <boost/asio/co_spawn.hpp>

#include "daemon/async/context.hpp"
#include "daemon/shim_client/shim_client.hpp"
#include "tests/unit/daemon/runtime/container_fixture.hpp"

namespace berth::shim {

class ShimWorld {
 public:
  ShimWorld() : pool_(1) {
    std::filesystem::create_directories(container_folder());
    std::filesystem::create_directories(socket_folder());
    program_ = runtime::seal_executable(
        (std::filesystem::read_symlink("/proc/self/exe").parent_path() / "berth-shim").native());
    fixture.document()["log"] = {
        {"driver", "json-file"}, {"file", "c.log"}, {"max_size", -1}, {"max_file", 1}};
  }
  ShimWorld(const ShimWorld&) = delete;
  ShimWorld& operator=(const ShimWorld&) = delete;

  std::filesystem::path container_folder() const { return fixture.folder() / "container"; }
  std::filesystem::path socket_folder() const { return fixture.folder() / "shims"; }
  std::string id() { return fixture.document()["id"]; }
  std::filesystem::path socket() { return socket_folder() / id(); }
  std::string log() const { return read_file(container_folder() / "c.log"); }
  nlohmann::json record() const {
    return nlohmann::json::parse(read_file(container_folder() / "exit.json"));
  }

  /// Runs the executor until the task has ended; its result or exception.
  template <typename Result>
  Result await(Task<Result> task) {
    std::exception_ptr failure;
    std::optional<Result> result;
    asio::co_spawn(*context_, std::move(task), [&](std::exception_ptr error, Result value) {
      failure = error;
      if (!error) result.emplace(std::move(value));
      context_->stop();
    });
    run();
    if (failure) std::rethrow_exception(failure);
    return std::move(*result);
  }
  void await(Task<> task) {
    std::exception_ptr failure;
    asio::co_spawn(*context_, std::move(task), [&](std::exception_ptr error) {
      failure = error;
      context_->stop();
    });
    run();
    if (failure) std::rethrow_exception(failure);
  }

  std::shared_ptr<ShimClient> launch() {
    LaunchRequest request;
    request.program = program_.get();
    request.id = ContainerId(id());
    request.document = fixture.document().dump();
    request.container_folder = container_folder();
    request.socket_folder = socket_folder();
    request.listeners = std::move(listeners);
    return await(ShimClient::launch(context_->get_executor(), pool_, std::move(request)));
  }
  std::shared_ptr<ShimClient> reconnect() {
    return await(ShimClient::reconnect(context_->get_executor(), socket()));
  }

  /// Launches and starts it; returns the host's number of PID 1.
  int start(const std::shared_ptr<ShimClient>& client) {
    await(client->created());
    return await(client->start()).pid;
  }

  /// As SIGKILL does it: every connection closes, nobody says a word.
  void kill_daemon() {
    context_->drop_waiting();
    context_ = std::make_unique<Context>(1);
  }

  runtime::ContainerFixture fixture;
  std::vector<Fd> listeners;

 private:
  void run() {
    context_->restart();
    // A test that hangs must end by itself.
    context_->run_for(std::chrono::seconds(30));
    if (context_->stopped()) return;
    kill_daemon();
    throw Error(ErrorKind::kDeadline, "the shim does not answer");
  }

  BlockingPool pool_;
  std::unique_ptr<Context> context_ = std::make_unique<Context>(1);
  Fd program_;
};

}  // namespace berth::shim
