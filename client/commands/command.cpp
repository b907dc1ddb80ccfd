#include "client/commands/command.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <unistd.h>

#include "client/commands/command_line.hpp"
#include "client/commands/suggestion.hpp"
#include "client/commands/verbs.hpp"
#include "client/stream/session.hpp"
#include "common/file.hpp"

namespace berth::client {

namespace {

constexpr std::array kCommands = {
    Command{"container", "run", "run", "Create and run a new container from an image", run_run},
    Command{"container", "create", "create", "Create a new container", run_create},
    Command{"container", "start", "start", "Start one or more stopped containers", run_start},
    Command{"container", "stop", "stop", "Stop one or more running containers", run_stop},
    Command{"container", "restart", "restart", "Restart one or more containers", run_restart},
    Command{"container", "kill", "kill", "Kill one or more running containers", run_kill},
    Command{"container", "pause", "pause", "Pause all processes in one or more containers",
            run_pause},
    Command{"container", "unpause", "unpause", "Unpause all processes in one or more containers",
            run_unpause},
    Command{"container", "rename", "rename", "Rename a container", run_rename},
    Command{"container", "update", "update", "Update configuration of one or more containers",
            run_update},
    Command{"container", "rm", "rm", "Remove one or more containers", run_rm},
    Command{"container", "ls", "ps", "List containers", run_ps},
    Command{"container", "logs", "logs", "Fetch the logs of a container", run_logs},
    Command{"container", "exec", "exec", "Execute a command in a running container", run_exec},
    Command{"container", "stats", "stats", "Display a live stream of what containers use",
            run_stats},
    Command{"container", "top", "top", "Display the running processes of a container", run_top},
    Command{"container", "attach", "attach", "Attach to a running container", run_attach},
    Command{"container", "wait", "wait", "Block until containers stop, then print their exit codes",
            run_wait},
    Command{"container", "port", "port", "List port mappings of a container", run_port},
    Command{"container", "cp", "cp",
            "Copy files/folders between a container and the local filesystem", run_cp},
    Command{"container", "diff", "diff",
            "Inspect changes to files or directories on a container's filesystem", run_diff},
    Command{"container", "export", "export", "Export a container's filesystem as a tar archive",
            run_export},
    Command{"container", "commit", "commit", "Create a new image from a container's changes",
            run_commit},
    Command{"container", "inspect", "", "Display detailed information on containers",
            run_inspect_container},
    Command{"container", "prune", "", "Remove all stopped containers", run_container_prune},
    Command{"container", "resize", "", "Set the size of a container's terminal", run_resize},
    Command{"checkpoint", "create", "", "Create a checkpoint from a running container",
            run_checkpoint_create},
    Command{"checkpoint", "ls", "", "List checkpoints for a container", run_checkpoint_ls},
    Command{"checkpoint", "rm", "", "Remove a checkpoint", run_checkpoint_rm},
    Command{"image", "ls", "images", "List images", run_images},
    Command{"image", "pull", "pull", "Download an image from a registry", run_pull},
    Command{"image", "push", "push", "Upload an image to a registry", run_push},
    Command{"image", "load", "load", "Load images from a tar archive or STDIN", run_load},
    Command{"image", "save", "save", "Save one or more images to a tar archive", run_save},
    Command{"image", "import", "import",
            "Import the contents from a tarball to create a filesystem image", run_import},
    Command{"image", "tag", "tag", "Create a tag that refers to an image", run_tag},
    Command{"image", "rm", "rmi", "Remove one or more images", run_rmi},
    Command{"image", "history", "history", "Show the history of an image", run_history},
    Command{"image", "inspect", "", "Display detailed information on images", run_inspect_image},
    Command{"image", "prune", "", "Remove unused images", run_image_prune},
    Command{"network", "create", "", "Create a network", run_network_create},
    Command{"network", "ls", "", "List networks", run_network_ls},
    Command{"network", "rm", "", "Remove one or more networks", run_network_rm},
    Command{"network", "inspect", "", "Display detailed information on networks",
            run_inspect_network},
    Command{"network", "prune", "", "Remove all unused networks", run_network_prune},
    Command{"volume", "create", "", "Create a volume", run_volume_create},
    Command{"volume", "ls", "", "List volumes", run_volume_ls},
    Command{"volume", "rm", "", "Remove one or more volumes", run_volume_rm},
    Command{"volume", "inspect", "", "Display detailed information on volumes", run_inspect_volume},
    Command{"volume", "prune", "", "Remove unused local volumes", run_volume_prune},
    Command{"", "", "inspect",
            "Return low-level information on containers, images, networks and volumes",
            run_inspect},
    Command{"system", "events", "events", "Get real time events from the daemon", run_events},
    Command{"system", "info", "info", "Display system-wide information", run_info},
    Command{"system", "df", "", "Show disk usage", run_df},
    Command{"system", "prune", "", "Remove unused data", run_system_prune},
    Command{"", "", "search", "Search a registry for images", run_search},
    Command{"", "", "login", "Authenticate to a registry", run_login},
    Command{"", "", "logout", "Log out from a registry", run_logout},
    Command{"", "", "version", "Show the Berth version information", run_version},
};

/// Other names of the verbs of groups.
std::string_view canonical_verb(std::string_view verb) {
  if (verb == "list" || verb == "ps") return "ls";
  if (verb == "remove") return "rm";
  return verb;
}

bool is_group(std::string_view name) {
  return std::any_of(kCommands.begin(), kCommands.end(),
                     [&](const Command& each) { return !name.empty() && each.group == name; });
}

const Command* find_brief(std::string_view name) {
  const auto found = std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& each) {
    return !each.brief.empty() && each.brief == name;
  });
  return found == kCommands.end() ? nullptr : &*found;
}

const Command* find_in_group(std::string_view group, std::string_view verb) {
  const auto found = std::find_if(kCommands.begin(), kCommands.end(), [&](const Command& each) {
    return each.group == group && each.verb == canonical_verb(verb);
  });
  return found == kCommands.end() ? nullptr : &*found;
}

std::string top_help() {
  std::string text = "Usage:  berth [OPTIONS] COMMAND\n\nA container engine\n\nCommands:\n";
  for (const Command& each : kCommands) {
    if (!each.brief.empty()) text += fmt::format("  {:<11} {}\n", each.brief, each.summary);
  }
  text += "\nManagement Commands:\n";
  for (const std::string_view group :
       {"checkpoint", "container", "image", "network", "system", "volume"}) {
    text += fmt::format("  {:<11} Manage {}\n", group,
                        group == "system" ? "Berth" : std::string(group) + "s");
  }
  return text +
         "\nGlobal Options:\n"
         "      --config string      Location of client config files\n"
         "  -c, --context string     Name of the context to use to connect to the daemon\n"
         "  -D, --debug              Accepted; the client has no more to tell\n"
         "  -H, --host string        Daemon socket to connect to (unix://, tcp://, ssh://)\n"
         "  -l, --log-level string   Accepted; the client has no more to tell\n"
         "      --tls                Use TLS; implied by --tlsverify\n"
         "      --tlscacert string   Trust certificates signed only by this CA\n"
         "      --tlscert string     Path to the TLS certificate file\n"
         "      --tlskey string      Path to the TLS key file\n"
         "      --tlsverify          Use TLS and verify the remote\n"
         "      --help               Print usage\n"
         "  -v, --version            Print version information and quit\n"
         "\nRun 'berth COMMAND --help' for more information on a command.\n";
}

std::string group_help(std::string_view group) {
  std::string text = fmt::format("Usage:  berth {} COMMAND\n\nCommands:\n", group);
  for (const Command& each : kCommands) {
    if (each.group == group) text += fmt::format("  {:<11} {}\n", each.verb, each.summary);
  }
  return text +
         fmt::format("\nRun 'berth {} COMMAND --help' for more information on a command.\n", group);
}

UsageError unknown_command(const std::string& group, const std::string& name) {
  std::vector<std::string> known;
  for (const Command& each : kCommands) {
    if (group.empty()) {
      if (!each.brief.empty()) known.emplace_back(each.brief);
      if (!each.group.empty()) known.emplace_back(each.group);
    } else if (each.group == group) {
      known.emplace_back(each.verb);
    }
  }
  const std::string whole = group.empty() ? name : group + " " + name;
  return UsageError("berth: '" + whole + "' is not a berth command." + suggestion(name, known) +
                        "\nSee 'berth " + (group.empty() ? "" : group + " ") + "--help'",
                    UsageError::kWrongArguments);
}

int dispatch(Context& context, const Arguments& arguments) {
  const std::string& first = arguments.front();
  if (const Command* command = find_brief(first)) {
    return command->run(context, {arguments.begin() + 1, arguments.end()});
  }
  if (first == "help") {
    if (arguments.size() == 1) {
      print(top_help());
      return 0;
    }
    Arguments asked(arguments.begin() + 1, arguments.end());
    asked.emplace_back("--help");
    return dispatch(context, asked);
  }
  if (!is_group(first)) throw unknown_command({}, first);
  if (arguments.size() == 1 || arguments[1] == "--help") {
    print(group_help(first));
    return 0;
  }
  const Command* command = find_in_group(first, arguments[1]);
  if (command == nullptr) throw unknown_command(first, arguments[1]);
  return command->run(context, {arguments.begin() + 2, arguments.end()});
}

struct GlobalFlags {
  ConnectionFlags connection;
  std::size_t consumed = 0;
  bool version = false;
  bool help = false;
};

/// The value of "--name value" or "--name=value"; nothing when the argument is another flag.
std::optional<std::string> take_value(const Arguments& arguments, std::size_t& index,
                                      std::string_view letter, std::string_view name) {
  const std::string& text = arguments[index];
  if (text == letter || text == name) {
    if (++index == arguments.size()) throw UsageError("flag needs an argument: " + text);
    return arguments[index];
  }
  if (text.starts_with(std::string(name) + "=")) return text.substr(name.size() + 1);
  const bool glued = !letter.empty() && text.starts_with(letter) && !text.starts_with("--");
  if (!glued) return std::nullopt;
  return text.substr(text.starts_with(std::string(letter) + "=") ? 3 : 2);
}

bool take_connection_flag(ConnectionFlags& flags, const Arguments& arguments, std::size_t& index) {
  struct Valued {
    std::string_view letter;
    std::string_view name;
    std::string* value;
  };
  const std::array valued{
      Valued{"-H", "--host", &flags.host},         Valued{"-c", "--context", &flags.context},
      Valued{"", "--config", &flags.folder},       Valued{"", "--tlscacert", &flags.ca},
      Valued{"", "--tlscert", &flags.certificate}, Valued{"", "--tlskey", &flags.key}};
  for (const Valued& each : valued) {
    if (auto value = take_value(arguments, index, each.letter, each.name)) {
      *each.value = *std::move(value);
      return true;
    }
  }
  const std::string& text = arguments[index];
  if (text == "--tls" || text == "--tls=true") return flags.tls = true;
  if (text == "--tlsverify" || text == "--tlsverify=true" || text == "--tlsverify=1") {
    return flags.tls = flags.verify = true;
  }
  return text == "--tls=false" || text == "--tlsverify=false";
}

UsageError unknown_global(const std::string& text) {
  const std::vector<std::string> known{"--host",   "--context",   "--config",    "--tls",
                                       "--debug",  "--log-level", "--tlsverify", "--tlscacert",
                                       "--tlskey", "--tlscert",   "--version",   "--help"};
  return UsageError("unknown flag: " + text + suggestion(text, known) + "\nSee 'berth --help'");
}

/// The flags in front of the command: few enough to be read without a parser being set up.
GlobalFlags parse_global(const Arguments& arguments) {
  GlobalFlags flags;
  std::size_t& index = flags.consumed;
  for (; index < arguments.size() && arguments[index].starts_with('-'); ++index) {
    const std::string& text = arguments[index];
    if (text == "-v" || text == "--version") {
      flags.version = true;
    } else if (text == "--help" || text == "-h") {
      flags.help = true;
    } else if (text == "-D" || text == "--debug") {
      continue;  // there is nothing more to tell than is told anyway
    } else if (const auto level = take_value(arguments, index, "-l", "--log-level")) {
      const std::vector<std::string> levels{"debug", "info", "warn", "error", "fatal"};
      if (std::find(levels.begin(), levels.end(), *level) == levels.end()) {
        throw UsageError("unable to parse logging level: " + *level + suggestion(*level, levels));
      }
    } else if (!take_connection_flag(flags.connection, arguments, index)) {
      throw unknown_global(text);
    }
  }
  return flags;
}

int run_checked(const Arguments& arguments) {
  const GlobalFlags flags = parse_global(arguments);
  if (flags.version) {
    print("Berth version " BERTH_VERSION "\n");
    return 0;
  }
  if (flags.help || flags.consumed == arguments.size()) {
    print(top_help());
    return 0;
  }
  Context context(flags.connection);
  return dispatch(
      context, {arguments.begin() + static_cast<std::ptrdiff_t>(flags.consumed), arguments.end()});
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

Client& Context::client() {
  if (!flags_.context.empty() || !flags_.folder.empty() || flags_.tls) {
    throw Error(ErrorKind::kNotImplemented,
                "contexts and TLS cannot be used yet: give the daemon's socket with -H");
  }
  if (!client_) client_ = std::make_unique<Client>(choose_host(flags_.host));
  return *client_;
}

std::optional<int> quiet_exit_code(const Error& error) {
  constexpr int kBySignal = 128;
  if (error.system_error() == EPIPE) return kBySignal + SIGPIPE;
  if (const auto* interrupted = dynamic_cast<const Interrupted*>(&error)) {
    return interrupted->exit_code();
  }
  return std::nullopt;
}

void print(std::string_view text) {
  write_all(STDOUT_FILENO, text, "stdout");
}

void print_error(std::string_view text) {
  try {
    write_all(STDERR_FILENO, text, "stderr");
  } catch (const Error&) {
    // There is nobody left to tell.
  }
}

int run_command_line(const Arguments& arguments) {
  try {
    return run_checked(arguments);
  } catch (const HelpShown&) {
    return 0;
  } catch (const UsageError& error) {
    print_error(std::string(error.what()) + "\n");
    return error.exit_code();
  } catch (const Error& error) {
    if (const auto code = quiet_exit_code(error)) return *code;
    print_error(std::string(error.what()) + "\n");
    return 1;
  } catch (const std::exception& error) {
    print_error(std::string("berth: unexpected: ") + error.what() + "\n");
    return 1;
  }
}

}  // namespace berth::client
