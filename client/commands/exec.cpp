// exec: a further program in a container that runs.
#include "api/exec.hpp"

#include <poll.h>
#include <unistd.h>

#include "api/error.hpp"
#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/verbs.hpp"
#include "client/options/value.hpp"
#include "client/stream/session.hpp"

namespace berth::client {

namespace {

struct ExecFlags {
  bool detach = false;
  bool interactive = false;
  std::vector<std::string> env;
  std::vector<std::string> env_files;
  api::ExecCreateRequest request;
};

std::string create(Client& client, const std::string& container, const ExecFlags& flags) {
  api::ExecCreateRequest request = flags.request;
  request.env = read_environment(flags.env_files, flags.env);
  request.attach_stdin = flags.interactive && !flags.detach;
  request.attach_stdout = request.attach_stderr = !flags.detach;
  const std::string body =
      client.call("POST", "/containers/" + escape_url(container) + "/exec", api::to_text(request));
  return api::from_text<api::IdResponse>(body).id;
}

std::string start_body(const ExecFlags& flags) {
  api::ExecStartRequest request;
  request.detach = flags.detach;
  request.tty = flags.request.tty;
  request.console_size = flags.request.console_size;
  return api::to_text(request);
}

/// The session goes on without a daemon, and the next one knows how it ended: a while is waited for
/// one to come back.
int exit_code_of(Client& client, const std::string& target) {
  constexpr int kAttempts = 50;
  constexpr int kPauseMilliseconds = 200;
  for (int attempt = 1;; ++attempt) {
    try {
      return api::from_text<api::ExecInspect>(client.call("GET", target + "/json"))
          .exit_code.value_or(0);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kUnavailable || attempt == kAttempts) throw;
    }
    (void)::poll(nullptr, 0, kPauseMilliseconds);
  }
}

int run_attached(Client& client, const ExecFlags& flags, const std::string& target) {
  SessionOptions options;
  options.target = target;
  options.terminal = flags.request.tty;
  options.send_input = flags.interactive;
  options.pass_signals = false;
  if (!flags.request.detach_keys.empty()) options.detach_keys = flags.request.detach_keys;
  Request request;
  request.method = "POST";
  request.target = target + "/start";
  request.body = start_body(flags);
  request.upgrade = true;
  Session session(client, options);
  Exchange start = client.open(std::move(request));
  if (session.run(start.take_stream()) == Session::End::kDetached) {
    print_error("read escape sequence\n");
    return 1;
  }
  return exit_code_of(client, target);
}

}  // namespace

int run_exec(Context& context, const Arguments& arguments) {
  CommandLine line("exec", "exec [OPTIONS] CONTAINER COMMAND [ARG...]",
                   "Execute a command in a running container");
  ExecFlags flags;
  api::ExecCreateRequest& request = flags.request;
  line.flag("-d,--detach", flags.detach, "Detached mode: run command in the background");
  line.text("--detach-keys", request.detach_keys, "Override the keys that detach from the command");
  line.list("-e,--env", flags.env, "Set environment variables");
  line.list("--env-file", flags.env_files, "Read in a file of environment variables");
  line.flag("-i,--interactive", flags.interactive, "Keep STDIN open even if not attached");
  line.flag("--privileged", request.privileged, "Give extended privileges to the command");
  line.flag("-t,--tty", request.tty, "Allocate a pseudo-TTY");
  line.text("-u,--user", request.user, "Username or UID (format: \"<name|uid>[:<group|gid>]\")");
  line.text("-w,--workdir", request.working_dir, "Working directory inside the container");
  line.stop_at_first_argument();
  const Arguments rest = line.parse(arguments, 2);
  request.cmd.assign(rest.begin() + 1, rest.end());
  if (!flags.detach && flags.interactive && request.tty && !is_terminal(STDIN_FILENO))
    throw Error(ErrorKind::kInvalidArgument, "the input device is not a TTY");
  if (const auto size = window_size(STDOUT_FILENO); size && request.tty)
    request.console_size = {size->rows, size->columns};
  Client& client = context.client();
  const std::string target = "/exec/" + create(client, rest.front(), flags);
  if (!flags.detach) return run_attached(client, flags, target);
  client.call("POST", target + "/start", start_body(flags));
  return 0;
}

}  // namespace berth::client
