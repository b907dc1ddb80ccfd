#include "daemon/image/instructions.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/error.hpp"
#include "common/text.hpp"
#include "common/units.hpp"
#include "daemon/image/words.hpp"

namespace berth::image {

namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

/// The first word, and what stands behind it.
std::pair<std::string_view, std::string_view> cut_word(std::string_view text) {
  const std::size_t end = std::min(text.find_first_of(" \t"), text.size());
  return {text.substr(0, end), trim(text.substr(end))};
}

/// ["a", "b"]; nothing for what is not written so.
std::optional<api::StringList> json_list(std::string_view text) {
  if (!text.starts_with('[')) return std::nullopt;
  const auto parsed = nlohmann::json::parse(text, nullptr, false);
  if (!parsed.is_array()) return std::nullopt;
  api::StringList list;
  for (const auto& item : parsed) {
    if (!item.is_string()) return std::nullopt;
    list.push_back(item.get<std::string>());
  }
  return list;
}

api::StringList in_shell(const api::ImageConfig& config, std::string_view command) {
  api::StringList list = config.shell;
  if (list.empty()) list = {"/bin/sh", "-c"};
  list.emplace_back(command);
  return list;
}

api::StringList command_of(const api::ImageConfig& config, std::string_view text) {
  if (auto list = json_list(text)) return std::move(*list);
  return in_shell(config, text);
}

/// "a=b c='d e'", or the older "a b c", which is one pair. All see the environment as it was.
Pairs pairs_of(std::string_view name, std::string_view text, const api::StringList& environment) {
  const std::vector<std::string> words = raw_words(text);
  if (words.empty()) refuse(std::string(name) + " requires at least one argument");
  if (words.front().find('=') == std::string::npos) {
    const auto [key, value] = cut_word(text);
    if (value.empty()) refuse(std::string(name) + " must have two arguments");
    return {{expand(key, environment), expand(value, environment)}};
  }
  Pairs pairs;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) {
      refuse("Syntax error - can't find = in \"" + word + "\". Must be of the form: name=value");
    }
    const std::string_view view = word;
    pairs.emplace_back(expand(view.substr(0, equals), environment),
                       expand(view.substr(equals + 1), environment));
    if (pairs.back().first.empty()) refuse(std::string(name) + " names can not be blank");
  }
  return pairs;
}

void set_variable(api::StringList& environment, const std::string& name, const std::string& value) {
  const std::string start = name + "=";
  for (std::string& entry : environment) {
    if (entry.starts_with(start)) {
      entry = start + value;
      return;
    }
  }
  environment.push_back(start + value);
}

/// "80", "80/udp", "8000-8010/tcp"
void expose(api::KeySet& ports, const std::string& word) {
  const std::size_t slash = word.find('/');
  const std::string_view view = word;
  const std::string protocol =
      slash == std::string::npos ? "tcp" : to_lower(view.substr(slash + 1));
  const std::string_view range = view.substr(0, slash);
  const std::size_t dash = range.find('-');
  const auto first = parse_number<std::uint16_t>(range.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : parse_number<std::uint16_t>(range.substr(dash + 1));
  if (!first || !last || *first == 0 || *last < *first) refuse("invalid containerPort: " + word);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    refuse("invalid proto: " + protocol);
  for (std::uint32_t port = *first; port <= *last; ++port)
    ports.insert(std::to_string(port) + "/" + protocol);
}

std::int64_t nanoseconds_of(std::string_view flag, std::string_view text) {
  const auto value = parse_duration(text);
  if (value < std::chrono::milliseconds(1) && value.count() != 0) {
    refuse("Interval \"" + std::string(flag) + "\" cannot be less than 1ms");
  }
  return value.count();
}

void set_health_option(api::HealthConfig& health, std::string_view option) {
  const std::size_t equals = std::min(option.find('='), option.size());
  const std::string_view name = option.substr(0, equals);
  const std::string_view value = equals < option.size() ? option.substr(equals + 1) : "";
  if (value.empty()) refuse("missing a value on flag: " + std::string(name));
  if (name == "--interval") {
    health.interval = nanoseconds_of("interval", value);
  } else if (name == "--timeout") {
    health.timeout = nanoseconds_of("timeout", value);
  } else if (name == "--start-period") {
    health.start_period = nanoseconds_of("start-period", value);
  } else if (name == "--start-interval") {
    health.start_interval = nanoseconds_of("start-interval", value);
  } else if (name == "--retries") {
    const auto retries = parse_number<int>(value);
    if (!retries || *retries < 0) refuse("--retries must be a number, at least 0");
    health.retries = *retries;
  } else {
    refuse("unknown flag: " + std::string(name));
  }
}

api::HealthConfig health_of(std::string_view text) {
  api::HealthConfig health;
  auto [word, rest] = cut_word(text);
  while (word.starts_with("--")) {
    set_health_option(health, word);
    std::tie(word, rest) = cut_word(rest);
  }
  const std::string kind = to_lower(word);
  if (kind == "none") {
    if (!rest.empty()) refuse("HEALTHCHECK NONE takes no arguments");
    health.test = {"NONE"};
  } else if (kind == "cmd") {
    if (rest.empty()) refuse("missing command after HEALTHCHECK CMD");
    if (auto list = json_list(rest)) {
      health.test = {"CMD"};
      health.test.insert(health.test.end(), list->begin(), list->end());
    } else {
      health.test = {"CMD-SHELL", std::string(rest)};
    }
  } else {
    refuse("Unknown type \"" + std::string(word) + "\" in HEALTHCHECK (try CMD)");
  }
  return health;
}

std::string working_dir(const std::string& before, const std::string& given) {
  const std::filesystem::path base = before.empty() ? "/" : before;
  std::string joined = (base / given).lexically_normal();
  while (joined.size() > 1 && joined.ends_with('/'))
    joined.pop_back();
  return joined;
}

void add_trigger(api::StringList& triggers, std::string_view text) {
  const std::string word = to_lower(cut_word(text).first);
  if (word == "onbuild") refuse("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (word == "maintainer" || word == "from") {
    refuse(std::string(word) + " isn't allowed as an ONBUILD trigger");
  }
  triggers.emplace_back(text);
}

class Changes {
 public:
  explicit Changes(api::ImageConfig& config) : config_(config) {}

  void apply(std::string_view line) {
    const auto [word, rest] = cut_word(line);
    const std::string name = to_lower(word);
    const auto* const found = std::find_if(kKnown.begin(), kKnown.end(),
                                           [&](const Known& known) { return known.name == name; });
    if (found == kKnown.end()) refuse(std::string(word) + " is not a valid change command");
    if (rest.empty()) refuse(std::string(word) + " requires at least one argument");
    (this->*found->apply)(rest);
  }

 private:
  struct Known {
    std::string_view name;
    void (Changes::*apply)(std::string_view);
  };

  void cmd(std::string_view text) {
    config_.cmd = command_of(config_, text);
    config_.args_escaped = false;
    has_command_ = true;
  }
  void entrypoint(std::string_view text) {
    config_.entrypoint = command_of(config_, text);
    // The command was made for the entrypoint before.
    if (!has_command_) config_.cmd.clear();
  }
  void env(std::string_view text) {
    for (const auto& [name, value] : pairs_of("ENV", text, config_.env))
      set_variable(config_.env, name, value);
  }
  void label(std::string_view text) {
    for (const auto& [name, value] : pairs_of("LABEL", text, config_.env))
      config_.labels[name] = value;
  }
  void expose_ports(std::string_view text) {
    for (const std::string& word : raw_words(text))
      expose(config_.exposed_ports, expand(word, config_.env));
  }
  void volume(std::string_view text) {
    const auto list = json_list(text);
    for (const std::string& word : list ? *list : raw_words(text)) {
      const std::string path(trim(expand(word, config_.env)));
      if (path.empty()) refuse("VOLUME specified can not be an empty string");
      config_.volumes.insert(path);
    }
  }
  void user(std::string_view text) { config_.user = single("USER", text); }
  void stop_signal(std::string_view text) { config_.stop_signal = single("STOPSIGNAL", text); }
  void directory(std::string_view text) {
    config_.working_dir = working_dir(config_.working_dir, expand(text, config_.env));
  }
  void healthcheck(std::string_view text) { config_.healthcheck = health_of(text); }
  void on_build(std::string_view text) { add_trigger(config_.on_build, text); }

  std::string single(std::string_view name, std::string_view text) const {
    if (raw_words(text).size() != 1) refuse(std::string(name) + " requires exactly one argument");
    return expand(text, config_.env);
  }

  static const std::array<Known, 11> kKnown;

  api::ImageConfig& config_;
  bool has_command_ = false;
};

const std::array<Changes::Known, 11> Changes::kKnown = {{{"cmd", &Changes::cmd},
                                                         {"entrypoint", &Changes::entrypoint},
                                                         {"env", &Changes::env},
                                                         {"expose", &Changes::expose_ports},
                                                         {"healthcheck", &Changes::healthcheck},
                                                         {"label", &Changes::label},
                                                         {"onbuild", &Changes::on_build},
                                                         {"stopsignal", &Changes::stop_signal},
                                                         {"user", &Changes::user},
                                                         {"volume", &Changes::volume},
                                                         {"workdir", &Changes::directory}}};

}  // namespace

void apply_instructions(api::ImageConfig& config, std::span<const std::string> lines) {
  Changes changes(config);
  for (const std::string& text : lines) {
    for (const std::string_view part : split(text, '\n')) {
      const std::string_view line = trim(part);
      if (!line.empty() && !line.starts_with('#')) changes.apply(line);
    }
  }
}

}  // namespace berth::image
