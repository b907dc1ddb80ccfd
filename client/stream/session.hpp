// A user in front of a container: copies what is typed and what the container writes, passes on
// signals and the size of the window, and waits for the end. One thread, one poll(2) loop.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "client/http/client.hpp"
#include "client/stream/demultiplexer.hpp"
#include "client/stream/signal_source.hpp"
#include "client/terminal/detach_keys.hpp"
#include "client/terminal/terminal.hpp"

namespace berth::client {

struct SessionOptions {
  std::string target;        // "/containers/<id>" or "/exec/<id>": what is resized
  bool terminal = false;     // the program has one: the stream is raw
  bool send_input = false;   // stdin goes to the program
  bool pass_signals = true;  // to the container; else they end the client
  std::string detach_keys{kDefaultDetachKeys};
};

/// A signal that is not passed on ended the client.
class Interrupted : public Error {
 public:
  explicit Interrupted(int signal)
      : Error(ErrorKind::kCancelled, "interrupted by SIG" + signal_name(signal)),
        exit_code_(128 + signal) {}
  /// As shells have it: 128 and the signal's number.
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

class Session {
 public:
  enum class End { kContainer, kDetached };

  /// From here on signals wait for run(). With a terminal on both sides it becomes raw in run().
  Session(Client& client, SessionOptions options);

  /// What wait() would answer; run() then ends when this does.
  void watch_exit(Exchange wait) { wait_.emplace(std::move(wait)); }

  /// Tells the container the size of the user's window, as each change of it does.
  void send_window_size();

  /// Copies until the container's side ends, or the user types the detach keys. Throws Interrupted,
  /// Error.
  End run(RawStream stream);

  /// The exit code, after run() with watch_exit(): nothing when the daemon went away meanwhile,
  /// which does not end the container.
  std::optional<std::int64_t> exit_code() const noexcept { return exit_code_; }

 private:
  bool is_over() const noexcept { return !stream_.socket && !wait_; }
  void take_signals();
  void take_input();
  void send_pending();
  void take_output();
  void show(std::string_view data);
  void take_exit();

  Client& client_;
  SessionOptions options_;
  SignalSource signals_;
  Demultiplexer demultiplexer_{OutputFiles{}};
  DetachScanner scanner_;
  RawStream stream_;
  std::optional<Exchange> wait_;
  std::string pending_;  // input that the socket did not take yet
  bool input_open_ = false;
  bool input_ended_ = false;  // the socket's sending half closes when nothing is pending
  bool detached_ = false;
  std::optional<std::int64_t> exit_code_;
};

/// Asks for the exit code of a container that ended while there was no daemon; waits a while for
/// one to come back. Throws ApiError, Error{kUnavailable}.
std::int64_t find_exit_code(Client& client, const std::string& container);

/// Reads the answer of a wait. Throws ApiError, and Error when the daemon could not say.
std::int64_t read_exit_code(Exchange& wait);

}  // namespace berth::client
