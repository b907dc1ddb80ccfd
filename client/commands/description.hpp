// What a command says of itself: help, completions and man pages are all made of it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "client/commands/command.hpp"

namespace berth::client {

struct OptionText {
  std::vector<std::string> names;  // "-a", "--all"
  std::string type;                // "string"; empty for a flag
  std::string help;
  std::string group;
};

struct Description {
  std::string name;   // "container ls"
  std::string usage;  // "ps [OPTIONS]"
  std::string summary;
  std::vector<OptionText> options;
};

/// As the only argument: the command throws its Description and does nothing.
inline constexpr std::string_view kDescribe = "--berth-describe-yourself";

Description describe(const Command& command);

/// Lines of the help about these options: grouped, no wider than `width`.
std::string options_help(const std::vector<OptionText>& options, std::size_t width = 80);

/// Examples of a command: pairs of lines, what it does and the command; empty when it needs none.
std::string_view examples_of(std::string_view name);

/// Words filled into lines no wider than `width`, all but the first indented.
std::string wrap(std::string_view text, std::size_t width, std::size_t indent);

}  // namespace berth::client
