// run and create.
#include <unistd.h>

#include "api/container.hpp"
#include "client/commands/creation.hpp"
#include "client/commands/streams.hpp"
#include "client/commands/verbs.hpp"
#include "client/stream/session.hpp"

namespace berth::client {

namespace {

struct RunFlags {
  ContainerFlags container;
  bool detach = false;
  bool sig_proxy = true;
};

void start(Client& client, const std::string& id) {
  client.call("POST", "/containers/" + id + "/start");
}

/// Attaches, starts and stays until the container ends: attached first, so that nothing of its
/// output is missed, and waiting first, so that its end is not.
int run_attached(Client& client, const RunFlags& flags, const api::CreateRequest& request,
                 const std::string& id) {
  const api::ContainerConfig& config = request.config;
  SessionOptions options;
  options.target = "/containers/" + id;
  options.terminal = config.tty;
  options.send_input = config.attach_stdin;
  options.pass_signals = flags.sig_proxy;
  if (!flags.container.detach_keys.empty()) options.detach_keys = flags.container.detach_keys;
  AttachTarget target;
  target.container = id;
  target.input = config.attach_stdin;
  target.output = config.attach_stdout;
  target.error = config.attach_stderr;
  target.detach_keys = flags.container.detach_keys;
  Exchange attach = begin_attach(client, target);
  Exchange wait = begin_wait(client, id, flags.container.remove ? "removed" : "next-exit");
  RawStream stream = attach.take_stream();
  Session session(client, options);
  try {
    start(client, id);
  } catch (const ApiError&) {
    // Back at the prompt, the name must be free again.
    if (flags.container.remove) (void)wait.read_all();
    throw;
  }
  session.send_window_size();
  session.watch_exit(std::move(wait));
  if (session.run(std::move(stream)) == Session::End::kDetached) return 0;
  const auto code = session.exit_code();
  return static_cast<int>(code ? *code : find_exit_code(client, id));
}

int run_with(Client& client, const RunFlags& flags) {
  const api::CreateRequest request = build_create_request(flags.container, flags.detach);
  const std::string id = create_container(client, flags.container, request);
  if (!flags.detach) return run_attached(client, flags, request, id);
  start(client, id);
  print(id + "\n");
  return 0;
}

}  // namespace

int run_run(Context& context, const Arguments& arguments) {
  CommandLine line("run", "run [OPTIONS] IMAGE [COMMAND] [ARG...]",
                   "Create and run a new container from an image");
  RunFlags flags;
  line.flag("-d,--detach", flags.detach, "Run container in background and print container ID");
  line.flag("--sig-proxy", flags.sig_proxy, "Proxy received signals to the process");
  parse_container_flags(line, arguments, flags.container);
  if (!flags.detach && flags.container.interactive && flags.container.tty &&
      !is_terminal(STDIN_FILENO)) {
    throw Error(ErrorKind::kInvalidArgument, "the input device is not a TTY");
  }
  try {
    return run_with(context.client(), flags);
  } catch (const Error& error) {
    return report_failure("run", error);
  }
}

int run_create(Context& context, const Arguments& arguments) {
  CommandLine line("create", "create [OPTIONS] IMAGE [COMMAND] [ARG...]", "Create a new container");
  ContainerFlags flags;
  parse_container_flags(line, arguments, flags);
  try {
    const api::CreateRequest request = build_create_request(flags, false);
    print(create_container(context.client(), flags, request) + "\n");
    return 0;
  } catch (const Error& error) {
    (void)report_failure("create", error);
    return 1;
  }
}

}  // namespace berth::client
