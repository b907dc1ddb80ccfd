#include "daemon/container/top_op.hpp"

#include <algorithm>
#include <span>

#include "common/error.hpp"
#include "common/process.hpp"
#include "common/text.hpp"
#include "daemon/container/events.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::container {

namespace {

constexpr std::size_t kOutputLimit = std::size_t{16} << 20U;

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  std::size_t position = 0;
  constexpr std::string_view kBlanks = " \t\v\f\r";
  while ((position = line.find_first_not_of(kBlanks, position)) != std::string_view::npos) {
    const std::size_t end = std::min(line.find_first_of(kBlanks, position), line.size());
    words.emplace_back(line.substr(position, end - position));
    position = end;
  }
  return words;
}

/// What is beyond the titles belongs to the last column: a command with blanks.
void join_overhang(std::vector<std::string>& words, std::size_t columns) {
  if (words.size() <= columns) return;
  words[columns - 1] = join(std::span(words).subspan(columns - 1), " ");
  words.resize(columns);
}

ProcessResult run_ps(const std::string& arguments, const std::string& chosen) {
  ProcessOptions options;
  options.argv = {"ps"};
  for (const std::string_view argument : split(arguments, ' ')) {
    if (!argument.empty()) options.argv.emplace_back(argument);
  }
  if (!chosen.empty()) options.argv.push_back(chosen);
  options.stdout_limit = kOutputLimit;
  try {
    return run_process(options);
  } catch (const Error& error) {
    // That this machine has no ps does not mean that there is no such container.
    throw Error(ErrorKind::kInternal, "ps: " + std::string(error.what()), error.system_error());
  }
}

std::string ps_output(const std::string& arguments, const std::vector<pid_t>& processes) {
  std::string chosen = "-q";
  for (const pid_t process : processes)
    chosen += (chosen.size() > 2 ? "," : "") + std::to_string(process);
  ProcessResult result = run_ps(arguments, chosen);
  // Some arguments, f for one, do not go together with -q: then all processes are listed.
  if (result.exit_code != 0) result = run_ps(arguments, "");
  if (result.exit_code == 0) return std::move(result.standard_output);
  const std::string reason(split(result.standard_error, '\n').front());
  throw Error(ErrorKind::kInternal,
              reason.empty() ? "ps: exit status " + std::to_string(result.exit_code) : reason);
}

void check_running(const Container& container) {
  const std::string& id = container.id().str();
  if (container.state.status == Status::kRestarting) {
    throw Error(ErrorKind::kConflict,
                "Container " + id + " is restarting, wait until the container is running");
  }
  if (!container.state.is_running()) {
    throw Error(ErrorKind::kConflict, "container " + id + " is not running");
  }
}

}  // namespace

void check_ps_arguments(const std::string& arguments) {
  constexpr std::string_view kBlanks = " \t\n\v\f\r";
  const std::string_view text = arguments;
  for (std::size_t equals = text.find('='); equals != std::string_view::npos;
       equals = text.find('=', equals + 1)) {
    const std::size_t before = text.substr(0, equals).find_last_of(kBlanks);
    const std::size_t value = text.find_first_not_of(kBlanks, equals + 1);
    if (before == std::string_view::npos || value == std::string_view::npos) continue;
    const std::string_view column = text.substr(before + 1, equals - before - 1);
    if (column == "pid" || !text.substr(value).starts_with("PID")) continue;
    const std::string_view title = text.substr(value, text.find_first_of(kBlanks, value) - value);
    throw Error(ErrorKind::kInternal, "specifying \"" + std::string(column) + "=" +
                                          std::string(title) + "\" is not allowed");
  }
}

api::TopResponse parse_ps(std::string_view output, const std::vector<pid_t>& processes) {
  const auto lines = split(output, '\n');
  api::TopResponse response;
  response.titles = words_of(lines.front());
  const auto title = std::find(response.titles.begin(), response.titles.end(), "PID");
  if (title == response.titles.end()) {
    throw Error(ErrorKind::kInternal, "Couldn't find PID field in ps output");
  }
  const auto column = static_cast<std::size_t>(title - response.titles.begin());
  bool of_container = false;
  for (std::size_t index = 1; index < lines.size(); ++index) {
    std::vector<std::string> words = words_of(lines[index]);
    if (words.size() <= column) continue;
    // The threads of a process follow it, with "-" for its number.
    if (words[column] != "-") {
      const auto process = parse_number<pid_t>(words[column]);
      if (!process) {
        throw Error(ErrorKind::kInternal, "Unexpected pid '" + words[column] + "' in ps output");
      }
      of_container = std::find(processes.begin(), processes.end(), *process) != processes.end();
    }
    if (!of_container) continue;
    join_overhang(words, response.titles.size());
    response.processes.push_back(std::move(words));
  }
  return response;
}

Task<api::TopResponse> top(Services& services, ContainerPtr container, std::string arguments) {
  if (arguments.empty()) arguments = "-ef";
  check_ps_arguments(arguments);
  check_running(*container);
  auto list = [path = cgroups_path(container->definition, services.settings), arguments] {
    const auto processes = runtime::Cgroup(runtime::detect_cgroups(), path).processes();
    return parse_ps(ps_output(arguments, processes), processes);
  };
  api::TopResponse response = co_await services.bulk.run(std::move(list));
  publish(services, *container, "top");
  co_return response;
}

}  // namespace berth::container
