// logs and events: what happened and what happens.
#include <array>
#include <ctime>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "api/event.hpp"
#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/filters.hpp"
#include "client/commands/streams.hpp"
#include "client/commands/verbs.hpp"
#include "client/format/template.hpp"
#include "client/format/text.hpp"
#include "client/stream/demultiplexer.hpp"
#include "client/stream/json_lines.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kBufferSize = std::size_t{64} << 10U;

void copy_log(Exchange& exchange, bool terminal) {
  Demultiplexer demultiplexer{OutputFiles{}};
  std::string buffer(kBufferSize, '\0');
  while (const std::size_t count = exchange.read(buffer.data(), buffer.size())) {
    const std::string_view part(buffer.data(), count);
    if (terminal) {
      print(part);
    } else {
      demultiplexer.write(part);
    }
  }
}

/// "2024-05-06T09:08:09.123456789+02:00".
std::string event_time(const api::Event& event) {
  constexpr std::int64_t kNano = 1'000'000'000;
  const std::int64_t nanoseconds = event.time_nano != 0 ? event.time_nano : event.time * kNano;
  const std::time_t seconds = nanoseconds / kNano;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  std::array<char, 40> clock{};
  std::strftime(clock.data(), clock.size(), "%Y-%m-%dT%H:%M:%S", &parts);
  const std::string time = fmt::format("{}.{:09}", clock.data(), nanoseconds % kNano);
  const long minutes = parts.tm_gmtoff / 60;
  if (minutes == 0) return time + "Z";
  return fmt::format("{}{}{:02}:{:02}", time, minutes < 0 ? '-' : '+', std::abs(minutes) / 60,
                     std::abs(minutes) % 60);
}

std::string event_line(const api::Event& event) {
  std::vector<std::string> attributes;
  for (const auto& [name, value] : event.actor.attributes)
    attributes.push_back(name + "=" + value);
  std::string line =
      event_time(event) + " " + event.type + " " + event.action + " " + event.actor.id;
  if (!attributes.empty()) line += " (" + join(attributes, ", ") + ")";
  return printable(line) + "\n";
}

}  // namespace

int run_logs(Context& context, const Arguments& arguments) {
  CommandLine line("logs", "logs [OPTIONS] CONTAINER", "Fetch the logs of a container");
  bool follow = false;
  bool timestamps = false;
  bool details = false;
  std::string since;
  std::string until;
  std::string tail;
  line.flag("-f,--follow", follow, "Follow log output");
  line.text("--since", since, "Show logs since a time (2013-01-02T13:23:37Z) or duration (42m)");
  line.text("--until", until, "Show logs before a time or duration");
  line.text("-n,--tail", tail, "Number of lines to show from the end of the logs");
  line.flag("-t,--timestamps", timestamps, "Show timestamps");
  line.flag("--details", details, "Show extra details provided to logs");
  const std::string name = line.parse(arguments, 1, 1).front();
  Client& client = context.client();
  const api::ContainerInspect container = inspect_container(client, name);
  const auto yes = [](bool wanted) { return wanted ? "1" : ""; };
  Request request;
  request.target = "/containers/" + container.id + "/logs" +
                   query_string({{"stdout", "1"},
                                 {"stderr", "1"},
                                 {"follow", yes(follow)},
                                 {"timestamps", yes(timestamps)},
                                 {"details", yes(details)},
                                 {"since", encode_time(since)},
                                 {"until", encode_time(until)},
                                 {"tail", tail}});
  Exchange exchange = client.open(std::move(request));
  copy_log(exchange, container.config.tty);
  return 0;
}

int run_events(Context& context, const Arguments& arguments) {
  CommandLine line("events", "events [OPTIONS]", "Get real time events from the daemon");
  std::vector<std::string> filters;
  std::string format;
  std::string since;
  std::string until;
  line.list("-f,--filter", filters, "Filter output based on conditions provided");
  line.text("--format", format, "Format output: 'json' or a template");
  line.text("--since", since, "Show all events created since a time or duration");
  line.text("--until", until, "Stream events until a time or duration");
  line.parse(arguments, 0, 0);
  Request request;
  request.target = "/events" + query_string({{"since", encode_time(since)},
                                             {"until", encode_time(until)},
                                             {"filters", encode_filters(filters)}});
  const bool as_json = format == "json";
  const Template text(as_json ? std::string() : format);
  Exchange exchange = context.client().open(std::move(request));
  JsonLines lines(exchange);
  while (const auto event = lines.next()) {
    if (as_json) {
      print(*event + "\n");
    } else if (!format.empty()) {
      print(text.fill(nlohmann::ordered_json::parse(*event)) + "\n");
    } else {
      print(event_line(api::from_text<api::Event>(*event)));
    }
  }
  return 0;
}

}  // namespace berth::client
