// A further program that runs in the container, with standard streams of its own: what the API
// calls an exec.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/fd.hpp"
#include "daemon/runtime/enter.hpp"
#include "daemon/shim/loop.hpp"
#include "daemon/shim/stdio.hpp"

namespace berth::shim {

/// The client that a session is started for; without a socket nobody is attached, and what the
/// program writes is dropped.
struct SessionClient {
  Fd socket;
  AttachSettings settings;
  std::string early_input;
};

/// What a session reports.
class SessionObserver {
 public:
  virtual void on_started(const std::string& id, pid_t pid) = 0;
  virtual void on_failed(const std::string& id, const std::string& message, int exit_code) = 0;
  virtual void on_exited(const std::string& id, int exit_code) = 0;
  virtual void on_detached(const std::string& id) = 0;
  /// After on_failed() or on_exited(): its streams are closed as well. The session may be
  /// destroyed, though not before this returned.
  virtual void on_closed(const std::string& id) = 0;

 protected:
  ~SessionObserver() = default;
};

class Session {
 public:
  Session(Loop& loop, SessionObserver& observer, std::string id, SessionClient client);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Clones the program's process. Throws Error; what goes wrong later is reported to the observer
  /// and the client.
  void start(runtime::Process process, runtime::EnterOptions options);

  /// Instead of start(): fails for that reason.
  void refuse(const std::string& why);

  const std::string& id() const noexcept { return id_; }
  /// 0 before the program runs.
  pid_t pid() const noexcept { return running_ ? process_->pid() : 0; }
  bool is_over() const noexcept { return over_; }

  /// Throws Error{kConflict} when there is no terminal (any more).
  void resize(unsigned short rows, unsigned short columns) { stdio_.resize(rows, columns); }
  /// With everything in its process group.
  void kill() noexcept;

 private:
  void attach();
  void prepare_pipes(runtime::LaunchOptions& options);
  void on_control();
  void on_end();
  void fail(const std::string& message, int exit_code);
  void close_streams();

  Loop& loop_;
  SessionObserver& observer_;
  std::string id_;
  SessionClient client_;
  Stdio stdio_;
  std::optional<runtime::EnteringProcess> process_;
  std::vector<Fd> process_ends_;  // of the pipes, until the process has them
  bool running_ = false;
  bool over_ = false;
};

}  // namespace berth::shim
