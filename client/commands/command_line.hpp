// Flags and arguments of one command.
#pragma once

#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/App.hpp>

#include "client/commands/command.hpp"
#include "common/error.hpp"

namespace berth::client {

/// The command line is wrong; the message is all that the user reads.
class UsageError : public Error {
 public:
  static constexpr int kWrongFlag = 125;
  static constexpr int kWrongArguments = 1;

  explicit UsageError(const std::string& message, int exit_code = kWrongFlag)
      : Error(ErrorKind::kInvalidArgument, message), exit_code_(exit_code) {}
  int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

/// --help was asked for and printed.
struct HelpShown {};

class CommandLine {
 public:
  /// `usage` is what stands behind "berth": "rm [OPTIONS] CONTAINER [CONTAINER...]".
  CommandLine(std::string_view name, std::string_view usage, std::string_view summary);

  CLI::App& flags() { return app_; }

  /// A flag that may be given often, with one value each time.
  CLI::Option* list(const std::string& names, std::vector<std::string>& values,
                    const std::string& help);
  CLI::Option* flag(const std::string& names, bool& value, const std::string& help);
  CLI::Option* text(const std::string& names, std::string& value, const std::string& help);

  /// Everything behind the first argument is an argument too, whatever it looks like.
  void stop_at_first_argument() { app_.prefix_command(); }

  /// The arguments that are no flags. Throws UsageError, HelpShown.
  Arguments parse(const Arguments& arguments, std::size_t least = 0,
                  std::size_t most = std::numeric_limits<std::size_t>::max());

  /// A UsageError of this command.
  UsageError error(const std::string& message, int exit_code = UsageError::kWrongFlag) const;

 private:
  UsageError unknown_flag(const std::string& text) const;
  void check_count(std::size_t count, std::size_t least, std::size_t most) const;

  std::string name_;
  std::string usage_;
  CLI::App app_;
  Arguments positionals_;
};

}  // namespace berth::client
