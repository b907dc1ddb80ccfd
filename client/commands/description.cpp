#include "client/commands/description.hpp"

#include <algorithm>

#include "client/format/text.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kColumn = 34;  // where the texts of options begin

std::string left_side(const OptionText& option) {
  std::string text = "  ";
  if (option.names.front().starts_with("--")) text += "    ";
  text += join(option.names, ", ");
  return option.type.empty() ? text : text + " " + option.type;
}

}  // namespace

Description describe(const Command& command) {
  Context nowhere{ConnectionFlags{}};
  try {
    command.run(nowhere, {std::string(kDescribe)});
  } catch (const Description& description) {
    return description;
  }
  return {};
}

std::string wrap(std::string_view text, std::size_t width, std::size_t indent) {
  std::string result;
  std::size_t column = indent;
  for (const std::string_view word : split(text, ' ')) {
    const std::size_t length = character_count(word);
    if (!result.empty() && column + 1 + length > width) {
      result += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!result.empty()) {
      result += ' ';
      ++column;
    }
    result += word;
    column += length;
  }
  return result;
}

std::string options_help(const std::vector<OptionText>& options, std::size_t width) {
  std::vector<std::string> groups;
  for (const OptionText& option : options) {
    if (std::find(groups.begin(), groups.end(), option.group) == groups.end()) {
      groups.push_back(option.group);
    }
  }
  std::string text;
  for (const std::string& group : groups) {
    text += "\n" + group + ":\n";
    for (const OptionText& option : options) {
      if (option.group != group) continue;
      std::string left = left_side(option);
      if (left.size() + 2 > kColumn) {
        text += left + "\n" + std::string(kColumn, ' ');
      } else {
        text += left + std::string(kColumn - left.size(), ' ');
      }
      text += wrap(option.help, width, kColumn) + "\n";
    }
  }
  return text;
}

}  // namespace berth::client
