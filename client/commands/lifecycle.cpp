// Commands that do one thing to each of the named containers.
#include <fmt/format.h>

#include "api/container.hpp"
#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/verbs.hpp"
#include "client/options/container_flags.hpp"
#include "client/stream/session.hpp"

namespace berth::client {

namespace {

std::string path_of(const std::string& name, std::string_view action = {}) {
  return "/containers/" + escape_url(name) + std::string(action);
}

/// stop and restart differ in a word.
int stop_like(Context& context, const Arguments& arguments, const std::string& verb,
              const std::string& summary) {
  CommandLine line(verb, verb + " [OPTIONS] CONTAINER [CONTAINER...]", summary);
  std::string signal;
  std::string timeout;
  line.text("-s,--signal", signal, "Signal to send to the container");
  line.text("-t,--timeout,--time", timeout, "Seconds to wait before killing the container");
  const Arguments names = line.parse(arguments, 1);
  return for_each_name(names, [&](const std::string& name) {
    context.client().call(
        "POST", path_of(name, "/" + verb) + query_string({{"signal", signal}, {"t", timeout}}));
  });
}

/// pause and unpause.
int plain_action(Context& context, const Arguments& arguments, const std::string& verb,
                 const std::string& summary) {
  CommandLine line(verb, verb + " CONTAINER [CONTAINER...]", summary);
  const Arguments names = line.parse(arguments, 1);
  return for_each_name(names, [&](const std::string& name) {
    context.client().call("POST", path_of(name, "/" + verb));
  });
}

}  // namespace

int run_pause(Context& context, const Arguments& arguments) {
  return plain_action(context, arguments, "pause",
                      "Pause all processes within one or more containers");
}

int run_unpause(Context& context, const Arguments& arguments) {
  return plain_action(context, arguments, "unpause",
                      "Unpause all processes within one or more containers");
}

int run_rename(Context& context, const Arguments& arguments) {
  CommandLine line("rename", "rename CONTAINER NEW_NAME", "Rename a container");
  const Arguments names = line.parse(arguments, 2, 2);
  context.client().call("POST", path_of(names[0], "/rename") + query_string({{"name", names[1]}}));
  return 0;
}

int run_update(Context& context, const Arguments& arguments) {
  CommandLine line("update", "update [OPTIONS] CONTAINER [CONTAINER...]",
                   "Update configuration of one or more containers");
  ContainerFlags flags;
  add_update_flags(line.flags(), flags);
  const Arguments names = line.parse(arguments, 1);
  const api::UpdateRequest request = build_update_request(flags);
  if (request == build_update_request({})) {
    throw line.error("you must provide one or more flags when using this command");
  }
  const std::string body = api::to_text(request);
  return for_each_name(names, [&](const std::string& name) {
    const std::string answer = context.client().call("POST", path_of(name, "/update"), body);
    for (const std::string& warning : api::from_text<api::UpdateResponse>(answer).warnings)
      print_error(warning + "\n");
  });
}

int run_stop(Context& context, const Arguments& arguments) {
  return stop_like(context, arguments, "stop", "Stop one or more running containers");
}

int run_restart(Context& context, const Arguments& arguments) {
  return stop_like(context, arguments, "restart", "Restart one or more containers");
}

int run_kill(Context& context, const Arguments& arguments) {
  CommandLine line("kill", "kill [OPTIONS] CONTAINER [CONTAINER...]",
                   "Kill one or more running containers");
  std::string signal;
  line.text("-s,--signal", signal, "Signal to send to the container");
  const Arguments names = line.parse(arguments, 1);
  return for_each_name(names, [&](const std::string& name) {
    context.client().call("POST", path_of(name, "/kill") + query_string({{"signal", signal}}));
  });
}

int run_rm(Context& context, const Arguments& arguments) {
  CommandLine line("rm", "rm [OPTIONS] CONTAINER [CONTAINER...]", "Remove one or more containers");
  bool force = false;
  bool volumes = false;
  bool link = false;
  line.flag("-f,--force", force, "Force the removal of a running container (uses SIGKILL)");
  line.flag("-v,--volumes", volumes, "Remove anonymous volumes associated with the container");
  line.flag("-l,--link", link, "Remove the specified link");
  const Arguments names = line.parse(arguments, 1);
  const std::string query = query_string(
      {{"force", force ? "1" : ""}, {"v", volumes ? "1" : ""}, {"link", link ? "1" : ""}});
  int result = 0;
  for (const std::string& name : names) {
    try {
      context.client().call("DELETE", path_of(name) + query);
      print(name + "\n");
    } catch (const ApiError& error) {
      print_error(std::string(error.what()) + "\n");
      // As with rm(1), -f is content when there is nothing to remove.
      if (!force || error.kind() != ErrorKind::kNotFound) result = 1;
    }
  }
  return result;
}

int run_wait(Context& context, const Arguments& arguments) {
  CommandLine line("wait", "wait CONTAINER [CONTAINER...]",
                   "Block until one or more containers stop, then print their exit codes");
  const Arguments names = line.parse(arguments, 1);
  int result = 0;
  for (const std::string& name : names) {
    try {
      Request request;
      request.method = "POST";
      request.target = path_of(name, "/wait");
      Exchange exchange = context.client().begin(std::move(request));
      print(fmt::format("{}\n", read_exit_code(exchange)));
    } catch (const ApiError& error) {
      print_error(std::string(error.what()) + "\n");
      result = 1;
    }
  }
  return result;
}

int run_resize(Context& context, const Arguments& arguments) {
  CommandLine line("container resize", "container resize CONTAINER ROWS COLUMNS",
                   "Set the size of a container's terminal");
  const Arguments values = line.parse(arguments, 3, 3);
  context.client().call(
      "POST", path_of(values[0], "/resize") + query_string({{"h", values[1]}, {"w", values[2]}}));
  return 0;
}

}  // namespace berth::client
