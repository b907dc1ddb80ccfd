// stats and top.
#include "api/stats.hpp"

#include <algorithm>
#include <thread>

#include <unistd.h>

#include "api/container.hpp"
#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/usage.hpp"
#include "client/commands/verbs.hpp"
#include "client/terminal/terminal.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

constexpr std::chrono::seconds kInterval{1};
constexpr std::size_t kNarrowestTop = 20;

struct StatsFlags {
  bool all = false;
  bool once = false;
  bool full = false;
  std::string format;
};

/// One line of the table, from round to round.
struct Watched {
  std::string name;  // as asked, or the id
  std::optional<api::ContainerStats> before;
  std::optional<api::ContainerStats> now;
};

/// Asks for a sample of each container, round by round: what is used between two is worked out
/// here, so no container needs a connection of its own.
class Rounds {
 public:
  Rounds(Client& client, const Arguments& names, bool all)
      : client_(client), all_(all), chosen_(!names.empty()) {
    for (const std::string& name : names)
      watched_.push_back({name, {}, {}});
  }

  /// Throws ApiError in the first round when a named container does not exist.
  void next() {
    if (!chosen_) list();
    for (Watched& each : watched_) {
      if (each.now) each.before = std::move(each.now);
      each.now = sample(each.name);
    }
    if (!chosen_) std::erase_if(watched_, [](const Watched& each) { return !each.now; });
    first_ = false;
  }

  const std::vector<Watched>& watched() const { return watched_; }

 private:
  void list() {
    const auto containers = api::list_from_text<api::ContainerSummary>(
        client_.call("GET", std::string("/containers/json") + (all_ ? "?all=1" : "")));
    std::vector<Watched> listed;
    for (const api::ContainerSummary& container : containers) {
      const auto known = std::find_if(watched_.begin(), watched_.end(), [&](const Watched& each) {
        return each.name == container.id;
      });
      listed.push_back(known == watched_.end() ? Watched{container.id, {}, {}} : std::move(*known));
    }
    watched_ = std::move(listed);
  }

  std::optional<api::ContainerStats> sample(const std::string& name) {
    try {
      return api::from_text<api::ContainerStats>(
          client_.call("GET", "/containers/" + escape_url(name) + "/stats?stream=0&one-shot=1"));
    } catch (const ApiError& error) {
      if (error.kind() != ErrorKind::kNotFound || (chosen_ && first_)) throw;
      return std::nullopt;
    }
  }

  Client& client_;
  bool all_;
  bool chosen_;
  bool first_ = true;
  std::vector<Watched> watched_;
};

std::string shown(const Rounds& rounds, const StatsFlags& flags) {
  std::vector<Row> rows;
  for (const Watched& each : rounds.watched())
    rows.push_back(usage_row(each.name, each.before, each.now, flags.full));
  return format_rows(usage_format(flags.format), rows);
}

/// Over what was shown before, without a moment of nothing in between (console_codes(4)).
std::string in_place(const std::string& text) {
  std::string placed = "\033[H";
  for (const char character : text) {
    if (character == '\n') placed += "\033[K";
    placed += character;
  }
  return placed + "\033[J";
}

}  // namespace

int run_stats(Context& context, const Arguments& arguments) {
  CommandLine line("stats", "stats [OPTIONS] [CONTAINER...]",
                   "Display a live stream of what containers use");
  StatsFlags flags;
  line.flag("-a,--all", flags.all, "Show all containers (default shows just running)");
  line.text("--format", flags.format, "Format output: 'table', 'json' or a template");
  line.flag("--no-stream", flags.once, "Disable streaming stats and only pull the first result");
  line.flag("--no-trunc", flags.full, "Do not truncate output");
  const Arguments names = line.parse(arguments);
  // A template that cannot be used is told before anything is waited for.
  (void)format_rows(usage_format(flags.format), {});
  Rounds rounds(context.client(), names, flags.all);
  rounds.next();
  const bool terminal = is_terminal(STDOUT_FILENO) && !flags.once;
  if (terminal) print("\033[2J");
  do {
    std::this_thread::sleep_for(kInterval);
    rounds.next();
    const std::string text = shown(rounds, flags);
    print(terminal ? in_place(text) : text);
  } while (!flags.once);
  return 0;
}

int run_top(Context& context, const Arguments& arguments) {
  CommandLine line("top", "top CONTAINER [ps OPTIONS]",
                   "Display the running processes of a container");
  line.stop_at_first_argument();
  const Arguments words = line.parse(arguments, 1);
  const std::string options = join(std::span(words).subspan(1), " ");
  const auto top = api::from_text<api::TopResponse>(context.client().call(
      "GET",
      "/containers/" + escape_url(words[0]) + "/top" + query_string({{"ps_args", options}})));
  std::vector<std::vector<std::string>> lines{top.titles};
  lines.insert(lines.end(), top.processes.begin(), top.processes.end());
  print(align_columns(lines, kNarrowestTop));
  return 0;
}

}  // namespace berth::client
