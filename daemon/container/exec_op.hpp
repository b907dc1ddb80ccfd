// Sessions: POST /containers/{id}/exec and what is below /exec/{id}.
#pragma once

#include "daemon/container/exec.hpp"
#include "daemon/container/services.hpp"

namespace berth::container {

/// Throws Error{kInvalidArgument} for what cannot work, Error{kConflict} unless the container runs
/// and is not paused.
ExecPtr create_exec(Services& services, ContainerPtr container, api::ExecCreateRequest request);

/// Throws Error{kNotFound} for one that is not known, Error{kConflict} for one that was started
/// before or whose container does not run: all that can be said before the client's connection is
/// taken over.
FoundExec find_startable_exec(Services& services, const std::string& id);

/// How a client of a session is served; without a stream nobody is attached.
struct ExecClient {
  bool multiplexed = false;
  std::string early_bytes;
  Fd stream;
};

/// Hands the session to the container's shim. Whatever goes wrong is told to the client, and is the
/// session's end; throws Error where there is none.
void start_exec(Services& services, const FoundExec& found,
                const std::optional<api::ConsoleSize>& console_size, ExecClient client);

/// Returns when its program runs. Throws Error{kInvalidArgument} that says why it does not.
Task<> exec_started(ExecPtr exec);

/// Throws Error{kConflict} for one without a terminal, or that does not run.
Task<> resize_exec(FoundExec found, unsigned short rows, unsigned short columns);

/// Knows the end of a session whose stream was seen to close.
api::ExecInspect inspect_exec(const FoundExec& found);

// --- for commands of the daemon's own ------------------------------------------------------------

struct Command {
  std::vector<std::string> arguments;
  std::vector<std::string> env;
  std::string user;                     // empty: the container's
  std::chrono::nanoseconds timeout{0};  // 0: none
  std::size_t output_limit = 4096;      // what goes beyond is dropped
};

struct CommandResult {
  /// Of a program that could not be started 126 or 127, with the reason in `output`.
  int exit_code = 0;
  std::string output;  // of both streams, as it came
  bool output_cut = false;
  bool timed_out = false;  // killed, with everything in its process group
};

/// Runs a command in the container as a session, and waits for its end. Throws Error as
/// create_exec(), and when the container's shim is gone.
Task<CommandResult> run_command(Services& services, ContainerPtr container, Command command);

// --- for the container's life --------------------------------------------------------------------

/// Hears of the sessions' fate from the shim of the present run; adopts those that an earlier
/// daemon started.
void watch_execs(Services& services, const ContainerPtr& container, shim::ShimClient& shim);

/// The container's process ended: so did its sessions, whether somebody said so or not. Those that
/// were never started are forgotten.
void end_execs(Services& services, Container& container);

/// The container is removed.
void forget_execs(Services& services, Container& container);

}  // namespace berth::container
