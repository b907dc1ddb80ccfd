// attach and start: a user in front of a container that exists.
#include <unistd.h>

#include "client/commands/command_line.hpp"
#include "client/commands/streams.hpp"
#include "client/commands/verbs.hpp"
#include "client/stream/session.hpp"

namespace berth::client {

namespace {

struct AttachFlags {
  bool input = false;
  bool sig_proxy = true;
  std::string detach_keys;
};

SessionOptions session_options(const api::ContainerInspect& container, const AttachFlags& flags) {
  SessionOptions options;
  options.target = "/containers/" + container.id;
  options.terminal = container.config.tty;
  options.send_input = flags.input;
  options.pass_signals = flags.sig_proxy;
  if (!flags.detach_keys.empty()) options.detach_keys = flags.detach_keys;
  if (options.terminal && options.send_input && !is_terminal(STDIN_FILENO)) {
    throw Error(ErrorKind::kInvalidArgument, "the input device is not a TTY");
  }
  return options;
}

AttachTarget attach_target(const api::ContainerInspect& container, const AttachFlags& flags) {
  AttachTarget target;
  target.container = container.id;
  target.input = flags.input;
  target.detach_keys = flags.detach_keys;
  return target;
}

int exit_code_of(Client& client, const Session& session, const std::string& id) {
  const auto code = session.exit_code();
  return static_cast<int>(code ? *code : find_exit_code(client, id));
}

void check_attachable(const api::ContainerInspect& container) {
  const api::ContainerState& state = container.state;
  const auto refuse = [](const std::string& why) { throw Error(ErrorKind::kConflict, why); };
  if (!state.running) refuse("cannot attach to a stopped container, start it first");
  if (state.paused) refuse("cannot attach to a paused container, unpause it first");
  if (state.restarting) {
    refuse("cannot attach to a restarting container, wait until it is running");
  }
}

int start_attached(Client& client, const std::string& name, AttachFlags flags,
                   const std::string& query) {
  const api::ContainerInspect container = inspect_container(client, name);
  flags.input = flags.input && container.config.open_stdin;
  const SessionOptions options = session_options(container, flags);
  Exchange attach = begin_attach(client, attach_target(container, flags));
  const bool removes_itself = container.host_config.auto_remove;
  Exchange wait = begin_wait(client, container.id, removes_itself ? "removed" : "next-exit");
  RawStream stream = attach.take_stream();
  Session session(client, options);
  client.call("POST", "/containers/" + container.id + "/start" + query);
  session.send_window_size();
  session.watch_exit(std::move(wait));
  if (session.run(std::move(stream)) == Session::End::kDetached) return 0;
  return exit_code_of(client, session, container.id);
}

}  // namespace

int run_attach(Context& context, const Arguments& arguments) {
  CommandLine line("attach", "attach [OPTIONS] CONTAINER",
                   "Attach local standard input, output, and error streams to a running container");
  AttachFlags flags;
  bool no_stdin = false;
  line.flag("--no-stdin", no_stdin, "Do not attach STDIN");
  line.flag("--sig-proxy", flags.sig_proxy, "Proxy all received signals to the process");
  line.text("--detach-keys", flags.detach_keys, "Override the keys that detach from a container");
  const std::string name = line.parse(arguments, 1, 1).front();
  Client& client = context.client();
  const api::ContainerInspect container = inspect_container(client, name);
  check_attachable(container);
  flags.input = container.config.open_stdin && !no_stdin;
  // In a terminal, keys reach the container as keys.
  flags.sig_proxy = flags.sig_proxy && !container.config.tty;
  const SessionOptions options = session_options(container, flags);
  Exchange wait = begin_wait(client, container.id, "not-running");
  Exchange attach = begin_attach(client, attach_target(container, flags));
  RawStream stream = attach.take_stream();
  Session session(client, options);
  session.send_window_size();
  session.watch_exit(std::move(wait));
  if (session.run(std::move(stream)) == Session::End::kDetached) {
    print_error("read escape sequence\n");
    return 0;
  }
  return exit_code_of(client, session, container.id);
}

int run_start(Context& context, const Arguments& arguments) {
  CommandLine line("start", "start [OPTIONS] CONTAINER [CONTAINER...]",
                   "Start one or more stopped containers");
  AttachFlags flags;
  bool attach = false;
  line.flag("-a,--attach", attach, "Attach STDOUT/STDERR and forward signals");
  line.flag("-i,--interactive", flags.input, "Attach container's STDIN");
  line.flag("--sig-proxy", flags.sig_proxy, "Proxy received signals to the process");
  line.text("--detach-keys", flags.detach_keys, "Override the keys that detach from a container");
  std::string checkpoint;
  std::string checkpoint_dir;
  line.text("--checkpoint", checkpoint, "Restore from this checkpoint");
  line.text("--checkpoint-dir", checkpoint_dir, "Use a custom checkpoint storage directory");
  const Arguments names = line.parse(arguments, 1);
  if (!checkpoint.empty() && names.size() > 1) {
    throw Error(ErrorKind::kInvalidArgument, "you cannot restore multiple containers at once");
  }
  const std::string query =
      query_string({{"checkpoint", checkpoint}, {"checkpoint-dir", checkpoint_dir}});
  if (attach || flags.input) {
    if (names.size() > 1) {
      throw Error(ErrorKind::kInvalidArgument,
                  "you cannot start and attach multiple containers at once");
    }
    return start_attached(context.client(), names.front(), flags, query);
  }
  return for_each_name(names, [&](const std::string& name) {
    context.client().call("POST", "/containers/" + escape_url(name) + "/start" + query);
  });
}

}  // namespace berth::client
