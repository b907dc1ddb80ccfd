// The daemon's end of the shim protocol (daemon/shim/protocol.hpp). Control thread.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>
#include <sys/types.h>

#include "common/error.hpp"
#include "common/fd.hpp"
#include "common/ids.hpp"
#include "common/time.hpp"
#include "daemon/async/pool.hpp"
#include "daemon/async/signal.hpp"
#include "daemon/async/task.hpp"
#include "daemon/shim_client/sessions.hpp"

namespace berth::shim {

struct Message;

struct LaunchRequest {
  int program = -1;  // berth-shim, open for execution (runtime::seal_executable); not owned
  ContainerId id;
  std::string document;  // the launch document
  std::vector<std::byte> seccomp_filter;
  std::filesystem::path container_folder;
  std::filesystem::path socket_folder;
  std::vector<Fd> listeners;  // of published ports, as the document numbers them
};

struct Created {
  int pid = 0;
  Fd network_namespace;
};

struct Started {
  int pid = 0;
  Timestamp at;
};

struct ExitRecord {
  int exit_code = 0;
  bool oom_killed = false;
  Timestamp finished_at;
  std::string error;
  /// The shim did not live to tell: it was killed, and its container with it. Nobody removed the
  /// container's cgroups and the shim's socket name.
  bool shim_lost = false;
};

/// A published port, as `forward` in the launch document.
struct ForwardRequest {
  std::string protocol;  // "tcp", "udp"
  std::string container_ip;
  unsigned short container_port = 0;
  Fd socket;  // bound; of tcp, listening
};

enum class Phase { kCreating, kCreated, kRunning, kExited };

struct ShimState {
  Phase phase = Phase::kCreating;
  int pid = 0;
  Timestamp started_at;
  bool out_of_memory = false;  // at some time of this run
  /// What the container's standard pipes are called, as "pipe:[4711]"; empty for what is none.
  std::vector<std::string> streams;
};

/// What happens to a container that goes on.
enum class Notice {
  kOutOfMemory,  // the kernel kills one of its processes
  kDetached,     // a client went by its detach keys
};

/// A container that could not be started, with the status that a client exits with: 127 without a
/// program, 126 for one that cannot be executed, 125 for all else.
class StartFailure : public Error {
 public:
  StartFailure(const std::string& message, int exit_code)
      : Error(ErrorKind::kInvalidArgument, message), exit_code_(exit_code) {}
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

class ShimClient : public std::enable_shared_from_this<ShimClient> {
 public:
  /// Spawns a shim. Throws Error when it cannot be executed.
  static Task<std::shared_ptr<ShimClient>> launch(asio::any_io_executor control, BlockingPool& pool,
                                                  LaunchRequest request);
  /// Connects to one that an earlier daemon spawned. Throws Error when nobody answers within
  /// seconds.
  static Task<std::shared_ptr<ShimClient>> reconnect(asio::any_io_executor control,
                                                     std::filesystem::path socket);

  ~ShimClient();
  ShimClient(const ShimClient&) = delete;
  ShimClient& operator=(const ShimClient&) = delete;

  /// What the shim said when it was reconnected to; the streams are known from the start on, too.
  const ShimState& state() const noexcept { return state_; }

  /// Whether an Error's system error means that the shim is gone, so that its last words are to
  /// come.
  static bool is_end_of_stream(int system_error);

  /// Returns when PID 1 is in its namespaces. Throws StartFailure.
  Task<Created> created();
  /// Lets PID 1 go on; returns when its program runs. Throws StartFailure.
  Task<Started> start();
  /// Returns when the container is over, and all its output is in the log. A shim that was killed
  /// took its container with it: the record then says 137, why, and shim_lost. Any number of
  /// callers may wait.
  Task<ExitRecord> exited();
  /// Returns when the shim itself is gone.
  Task<> ended();

  /// Calls `listener` for each notice, first for those that came before.
  void listen(std::function<void(Notice)> listener);

  // These throw Error{kUnavailable} when the shim is gone, or does not listen.

  /// `stream` is a stream socket.
  void attach(const AttachRequest& request, Fd stream);
  void signal(int number);
  void resize(unsigned short rows, unsigned short columns);
  /// Replaces the published ports; the shim gets copies of the sockets.
  void forward(const std::vector<ForwardRequest>& ports);

  // sessions.cpp
  /// What becomes of it is told to the watcher. The request's stream is the shim's, too, from here
  /// on.
  void start_session(const SessionRequest& request);
  /// Of a session that is over: nothing happens.
  void resize_session(const std::string& id, unsigned short rows, unsigned short columns);
  /// SIGKILL for it and all in its process group.
  void kill_session(const std::string& id);
  /// From now on `watcher` is called for every event, and now for those that came before.
  void watch_sessions(SessionWatcher watcher);
  /// What the shim knew when it was connected to; taken out.
  std::vector<KnownSession> take_known_sessions() { return std::exchange(known_sessions_, {}); }

  /// Handles what the shim has said already. It says that a session ended before it closes the
  /// session's stream: whoever saw that and calls this knows the exit code.
  void catch_up();

  /// Kills the container, whatever its state, and returns when the shim is gone. Never throws.
  Task<> abandon();

  /// What the shim wanted the user to know; taken out.
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }

 private:
  class Connection;

  ShimClient(asio::any_io_executor control, Fd socket, Fd process);

  static Task<> read_messages(std::shared_ptr<ShimClient> self);
  static Task<> reap(std::shared_ptr<ShimClient> self);
  void run();
  /// False when the shim closed its end.
  bool receive_all();
  void handle(Message& message);
  void handle_hello(const Message& message);
  void handle_session(const Message& message);
  void read_known_sessions(const Message& message);
  void watch_process(pid_t shim);
  void notify(Notice notice);
  void lost();
  static nlohmann::json attach_body(const AttachRequest& request);
  void send(std::string_view type, nlohmann::json body, std::span<const int> descriptors = {});

  asio::any_io_executor control_;
  std::unique_ptr<Connection> connection_;
  ShimState state_;
  AsyncSignal hello_;
  AsyncSignal created_signal_;
  AsyncSignal started_signal_;
  AsyncSignal exited_signal_;
  AsyncSignal ended_signal_;
  std::optional<Created> created_;
  std::optional<Started> started_;
  std::optional<StartFailure> failure_;
  std::optional<ExitRecord> record_;
  std::vector<std::string> warnings_;
  std::function<void(Notice)> listener_;
  std::vector<Notice> unheard_;
  SessionWatcher session_watcher_;
  std::vector<SessionEvent> unseen_sessions_;
  std::vector<KnownSession> known_sessions_;
};

}  // namespace berth::shim
