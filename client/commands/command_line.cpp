#include "client/commands/command_line.hpp"

#include <algorithm>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "client/commands/description.hpp"
#include "client/commands/suggestion.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kHelpWidth = 80;
constexpr std::size_t kUsageIndent = 8;

std::vector<OptionText> option_texts(const CLI::App& app) {
  std::vector<OptionText> result;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    OptionText text;
    for (const std::string& name : option->get_snames())
      text.names.push_back("-" + name);
    for (const std::string& name : option->get_lnames())
      text.names.push_back("--" + name);
    if (text.names.empty()) continue;
    if (option->get_items_expected_max() > 0) text.type = to_lower(option->get_type_name());
    text.help = option->get_description();
    text.group = option->get_group();
    result.push_back(std::move(text));
  }
  return result;
}

std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const OptionText& option : option_texts(app))
    names.insert(names.end(), option.names.begin(), option.names.end());
  return names;
}

std::string help_text(const Description& description) {
  std::string text = wrap("Usage:  berth " + description.usage, kHelpWidth, kUsageIndent) + "\n\n" +
                     wrap(description.summary, kHelpWidth, 0) + "\n" +
                     options_help(description.options, kHelpWidth);
  const std::string_view examples = examples_of(description.name);
  return examples.empty() ? text : text + "\nExamples:\n" + std::string(examples);
}

}  // namespace

CommandLine::CommandLine(std::string_view name, std::string_view usage, std::string_view summary)
    : name_(name), usage_(usage), app_(std::string(summary), name_) {
  app_.set_help_flag("--help", "Print usage");
}

CLI::Option* CommandLine::list(const std::string& names, std::vector<std::string>& values,
                               const std::string& help) {
  return app_.add_option(names, values, help)->allow_extra_args(false)->type_name("LIST");
}

CLI::Option* CommandLine::flag(const std::string& names, bool& value, const std::string& help) {
  return app_.add_flag(names, value, help);
}

CLI::Option* CommandLine::text(const std::string& names, std::string& value,
                               const std::string& help) {
  return app_.add_option(names, value, help)->type_name("STRING");
}

UsageError CommandLine::error(const std::string& message, int exit_code) const {
  return UsageError(message + "\n\nUsage:  berth " + usage_ + "\n\nRun 'berth " + name_ +
                        " --help' for more information",
                    exit_code);
}

UsageError CommandLine::unknown_flag(const std::string& text) const {
  const std::string name = text.substr(0, text.find('='));
  return error("unknown flag: " + name + suggestion(name, option_names(app_)));
}

void CommandLine::check_count(std::size_t count, std::size_t least, std::size_t most) const {
  if (count >= least && count <= most) return;
  const std::size_t bound = count < least ? least : most;
  const std::string adverb = least == most ? "" : (count < least ? "at least " : "at most ");
  const std::string number =
      bound == 0 ? "no arguments"
                 : adverb + std::to_string(bound) + (bound == 1 ? " argument" : " arguments");
  throw error("berth: 'berth " + name_ + "' " + (bound == 0 ? "accepts " : "requires ") + number,
              UsageError::kWrongArguments);
}

Arguments CommandLine::parse(const Arguments& arguments, std::size_t least, std::size_t most) {
  const bool prefix = app_.get_prefix_command();
  if (!prefix) {
    // An option without a name takes the arguments; it is kept out of the help.
    app_.add_option("arguments", positionals_)->group("");
  }
  const auto description = [&] {
    return Description{name_, usage_, app_.get_description(), option_texts(app_)};
  };
  if (arguments.size() == 1 && arguments.front() == kDescribe) throw description();
  try {
    Arguments reversed(arguments.rbegin(), arguments.rend());
    app_.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    print(help_text(description()));
    throw HelpShown{};
  } catch (const CLI::ExtrasError&) {
    const Arguments extra = app_.remaining();
    throw unknown_flag(extra.empty() ? std::string() : extra.front());
  } catch (const CLI::ParseError& problem) {
    throw error(problem.what());
  } catch (const UsageError&) {
    throw;
  } catch (const Error& refused) {
    throw error("berth " + name_ + ": " + refused.what());
  }
  if (prefix) {
    positionals_ = app_.remaining();
    if (!positionals_.empty() && positionals_.front() == "--") {
      positionals_.erase(positionals_.begin());
    } else if (!positionals_.empty() && positionals_.front().starts_with('-') &&
               positionals_.front() != "-") {
      throw unknown_flag(positionals_.front());
    }
  }
  check_count(positionals_.size(), least, most);
  return positionals_;
}

}  // namespace berth::client
