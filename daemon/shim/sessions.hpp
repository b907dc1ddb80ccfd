// All sessions of a container, and what the daemon is told of them.
//
// Daemons come and go; sessions stay. Those that ended are remembered for a while, so that the
// client of a session can learn its exit code from a daemon that was not there at its end.
#pragma once

#include <functional>
#include <list>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>
#include <sys/resource.h>

#include "daemon/shim/container_process.hpp"
#include "daemon/shim/protocol.hpp"
#include "daemon/shim/session.hpp"

namespace berth::shim {

struct DaemonLink {
  /// False when there is no daemon, or it does not take the message now.
  std::function<bool(std::string_view type, nlohmann::json body)> tell;
  std::function<bool()> is_connected;
};

class Sessions : private SessionObserver {
 public:
  Sessions(Loop& loop, DaemonLink daemon) : loop_(loop), daemon_(std::move(daemon)) {}
  virtual ~Sessions();
  Sessions(const Sessions&) = delete;
  Sessions& operator=(const Sessions&) = delete;

  /// exec_start. `init` is null when the container does not run; `file_limit` is what it started
  /// with. Throws Error for a message that is none.
  void start(Message message, const ContainerProcess* init, const rlimit64& file_limit);
  /// exec_resize and exec_kill. Throw Error.
  void resize(const nlohmann::json& body);
  void kill(const nlohmann::json& body);

  /// All that are known, for a daemon that has just connected. Empty array: none.
  nlohmann::json known();

  /// The container is over: kills them all and calls `done` once the last is gone.
  void end_all(std::function<void()> done);

 private:
  struct Ended {
    std::string id;
    int exit_code = 0;
    std::string memo;
  };
  struct Running {
    Running(Loop& loop, SessionObserver& observer, std::string id, SessionClient client)
        : session(loop, observer, std::move(id), std::move(client)) {}
    Session session;
    std::string memo;
  };

  void on_started(const std::string& id, pid_t pid) override;
  void on_failed(const std::string& id, const std::string& message, int exit_code) override;
  void on_exited(const std::string& id, int exit_code) override;
  void on_detached(const std::string& id) override;
  void on_closed(const std::string& id) override;

  std::list<Running>::iterator find(std::string_view id);
  void remember(const std::string& id, int exit_code);
  void forget_oldest();
  void tell(std::string_view type, nlohmann::json body);
  void tell_pending();
  void rest_later();

  Loop& loop_;
  DaemonLink daemon_;
  std::list<Running> sessions_;
  std::list<Ended> ended_;  // oldest first
  std::list<std::pair<std::string, nlohmann::json>> pending_;
  std::function<void()> done_;
  Loop::Timer retry_ = 0;
  Loop::Timer rest_ = 0;
};

}  // namespace berth::shim
