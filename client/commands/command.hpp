// What every command has: the way to the daemon, and its place in the table of commands.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "client/http/client.hpp"

namespace berth::client {

using Arguments = std::vector<std::string>;

/// The global flags that say where the daemon is.
struct ConnectionFlags {
  std::string host;     // -H
  std::string context;  // -c
  std::string folder;   // --config
  bool tls = false;
  bool verify = false;
  std::string ca;
  std::string certificate;
  std::string key;
};

class Context {
 public:
  explicit Context(ConnectionFlags flags) : flags_(std::move(flags)) {}

  const ConnectionFlags& flags() const noexcept { return flags_; }

  /// The daemon; where it is comes from -H and the environment. Connects with the first request.
  Client& client();

 private:
  ConnectionFlags flags_;
  std::unique_ptr<Client> client_;
};

struct Command {
  std::string_view group;  // "container", or empty for those of the top level alone
  std::string_view verb;   // within the group
  std::string_view brief;  // the short form's name; empty: there is none
  std::string_view summary;
  /// Gets what stands behind the verb; gives back the exit code. Throws Error.
  int (*run)(Context& context, const Arguments& arguments);
};

/// All commands, in the order of the help.
std::span<const Command> commands();

/// Runs the whole command line (without the program's name) and gives back the exit code. Says on
/// stderr what went wrong.
int run_command_line(const Arguments& arguments);

/// The exit code for errors that need no words: the reader of the output is gone, or a signal ended
/// the client. Nothing for all others.
std::optional<int> quiet_exit_code(const Error& error);

/// To stdout. Throws Error.
void print(std::string_view text);
/// To stderr.
void print_error(std::string_view text);

/// Runs an action for each name, printing the names for which it went well, and the errors of the
/// others; 1 when there were any.
template <typename Action>
int for_each_name(const Arguments& names, Action action) {
  int result = 0;
  for (const std::string& name : names) {
    try {
      action(name);
      print(name + "\n");
    } catch (const ApiError& error) {
      print_error(std::string(error.what()) + "\n");
      result = 1;
    }
  }
  return result;
}

}  // namespace berth::client
