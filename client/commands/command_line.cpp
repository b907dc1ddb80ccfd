#include "client/commands/command_line.hpp"

#include <algorithm>

#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

namespace berth::client {

namespace {

/// CLI11's layout under a usage line as people know it.
class HelpFormat : public CLI::Formatter {
 public:
  explicit HelpFormat(std::string usage) : usage_(std::move(usage)) { column_width(32); }

  std::string make_usage(const CLI::App* /*app*/, std::string /*name*/) const override {
    return "Usage:  berth " + usage_ + "\n\n";
  }
  std::string make_description(const CLI::App* app) const override {
    return app->get_description() + "\n";
  }
  std::string make_help(const CLI::App* app, std::string name,
                        CLI::AppFormatMode /*mode*/) const override {
    return make_usage(app, name) + make_description(app) +
           make_groups(app, CLI::AppFormatMode::All);
  }

 private:
  std::string usage_;
};

}  // namespace

CommandLine::CommandLine(std::string_view name, std::string_view usage, std::string_view summary)
    : name_(name), usage_(usage), app_(std::string(summary), name_) {
  app_.set_help_flag("--help", "Print usage");
  app_.formatter(std::make_shared<HelpFormat>(usage_));
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
  try {
    Arguments reversed(arguments.rbegin(), arguments.rend());
    app_.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    print(app_.help());
    throw HelpShown{};
  } catch (const CLI::ExtrasError&) {
    const Arguments extra = app_.remaining();
    throw error("unknown flag: " + (extra.empty() ? std::string() : extra.front()));
  } catch (const CLI::ParseError& problem) {
    throw error(problem.what());
  }
  if (prefix) {
    positionals_ = app_.remaining();
    if (!positionals_.empty() && positionals_.front() == "--") {
      positionals_.erase(positionals_.begin());
    } else if (!positionals_.empty() && positionals_.front().starts_with('-') &&
               positionals_.front() != "-") {
      throw error("unknown flag: " + positionals_.front());
    }
  }
  check_count(positionals_.size(), least, most);
  return positionals_;
}

}  // namespace berth::client
