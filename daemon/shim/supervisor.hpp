// The shim's task from beginning to end: starts PID 1, obeys the daemon, records how the container
// ended.
//
// The daemon may vanish and come back at any time. The container depends on it only until it is
// started.
#pragma once

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/fd.hpp"
#include "common/time.hpp"
#include "daemon/runtime/launch.hpp"
#include "daemon/shim/forwarder.hpp"
#include "daemon/shim/log_writer.hpp"
#include "daemon/shim/loop.hpp"
#include "daemon/shim/protocol.hpp"
#include "daemon/shim/stdio.hpp"

namespace berth::shim {

class Supervisor {
 public:
  /// `id` is the container's, which is also the listener's name in the sockets' folder.
  explicit Supervisor(std::string id);

  /// Returns when the container is over and everything of it is given back.
  void run();

 private:
  enum class Phase { kCreating, kCreated, kRunning, kExited };

  void launch(const runtime::LaunchDocument& document);
  void prepare_stdio(const runtime::LaunchDocument& document, runtime::LaunchOptions& options);
  void prepare_forwarders(const runtime::LaunchDocument& document);

  void on_control();
  void on_reconnect();
  void dispatch(Message message);
  void handle_start();
  void handle_attach(Message message);
  void abandon();
  void daemon_vanished();

  void on_process_end();
  void on_drained();
  void fail(const runtime::LaunchFailure& failure);
  void finish();

  void tell(std::string_view type, nlohmann::json body, std::span<const int> descriptors = {});
  void watch_control();
  nlohmann::json state() const;
  nlohmann::json record() const;
  void write_record();

  std::string id_;
  Fd control_{kControlFd};
  Fd listener_{kListenerFd};
  Fd folder_{kFolderFd};
  Fd sockets_{kSocketsFd};
  Loop loop_;
  std::optional<LogWriter> log_;
  std::optional<Stdio> stdio_;
  std::optional<runtime::InitProcess> init_;
  std::list<TcpForwarder> tcp_;
  std::list<UdpForwarder> udp_;
  // The container's ends of its pipes, until PID 1 has them.
  std::vector<Fd> process_ends_;
  Phase phase_ = Phase::kCreating;
  std::string started_at_;
  std::string finished_at_;
  int exit_code_ = 0;
  bool oom_killed_ = false;
};

}  // namespace berth::shim
