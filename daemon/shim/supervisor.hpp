// The shim's task from beginning to end: starts PID 1, obeys the daemon, records how the container
// ended.
//
// The daemon may vanish and come back at any time. The container depends on it only until it is
// started.
#pragma once

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/fd.hpp"
#include "common/time.hpp"
#include "daemon/runtime/launch.hpp"
#include "daemon/shim/container_process.hpp"
#include "daemon/shim/end_record.hpp"
#include "daemon/shim/forwarder.hpp"
#include "daemon/shim/log_writer.hpp"
#include "daemon/shim/loop.hpp"
#include "daemon/shim/oom_watch.hpp"
#include "daemon/shim/protocol.hpp"
#include "daemon/shim/sessions.hpp"
#include "daemon/shim/stdio.hpp"

namespace berth::shim {

class Supervisor {
 public:
  /// `id` is the container's, which is also the listener's name in the sockets' folder. Takes over
  /// the descriptors that protocol.hpp numbers.
  explicit Supervisor(std::string id);

  /// Returns when the container is over and everything of it is given back.
  void run();

 private:
  enum class Phase { kCreating, kCreated, kRunning, kExited };
  struct Forwarders {
    std::list<TcpForwarder> tcp;
    std::list<UdpForwarder> udp;
  };

  // supervisor.cpp: the container
  void launch();
  void prepare_stdio(const runtime::LaunchDocument& document, runtime::LaunchOptions& options);
  void prepare_forwarders(const runtime::LaunchDocument& document);
  void forward(std::vector<runtime::ForwardSettings> ports, std::vector<Fd> sockets);
  void watch_process();
  void on_process_end();
  void on_drained();
  void fail(const runtime::LaunchFailure& failure);
  void abandon();
  void record_end();
  void break_off(const std::string& why) noexcept;

  // supervisor_messages.cpp: the daemon
  void watch_control();
  void on_control();
  void on_reconnect();
  void daemon_vanished();
  void dispatch(Message message);
  void handle_start();
  void handle_signal(const nlohmann::json& body);
  void handle_attach(Message message);
  void handle_forward(Message message);
  bool handle_session(Message& message);
  bool say_hello();
  nlohmann::json state() const;
  /// False when there is no daemon, or it does not listen.
  bool tell(std::string_view type, nlohmann::json body, std::span<const int> descriptors = {});
  /// For the user's eyes; kept until there is a daemon.
  void warn(const std::string& message);

  std::string id_;
  Fd control_{kControlFd};
  Fd listener_{kListenerFd};
  Fd folder_{kFolderFd};
  Fd sockets_{kSocketsFd};
  Loop loop_;
  LogEvents log_events_;
  std::uint64_t lost_lines_ = 0;
  std::optional<LogWriter> log_;
  std::optional<Stdio> stdio_;
  std::unique_ptr<ContainerProcess> init_;
  std::optional<OomWatch> oom_watch_;
  bool ran_out_of_memory_ = false;
  rlimit64 file_limit_{};  // what PID 1 started with
  Sessions sessions_;
  Forwarders forwarders_;
  // The container's ends of its pipes, until PID 1 has them.
  std::vector<Fd> process_ends_;
  std::array<std::string, 3> streams_;  // what the container's pipes are called; empty: no pipe
  Phase phase_ = Phase::kCreating;
  EndRecord record_;
  std::vector<std::string> unsaid_warnings_;
};

}  // namespace berth::shim
