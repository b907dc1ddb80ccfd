// version and info.
#include "api/system.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/verbs.hpp"
#include "client/format/template.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

constexpr std::string_view kClientApiVersion = "1.50";

void add_line(std::string& text, std::string_view name, std::string_view value) {
  text += fmt::format(" {:<18} {}\n", std::string(name) + ":", value);
}

std::string client_version() {
  std::string text = "Client: Berth\n";
  add_line(text, "Version", BERTH_VERSION);
  add_line(text, "API version", kClientApiVersion);
  return text;
}

std::string server_version(const api::Version& version) {
  std::string text = "\nServer: " + version.platform.name + "\n Engine:\n";
  const auto line = [&text](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("  {:<17} {}\n", std::string(name) + ":", value);
  };
  line("Version", version.version);
  line("API version", version.api_version + " (minimum version " + version.min_api_version + ")");
  line("Built with", version.go_version);
  line("Git commit", version.git_commit);
  line("Built", version.build_time);
  line("OS/Arch", version.os + "/" + version.arch);
  line("Kernel", version.kernel_version);
  return text;
}

/// --format of a document that the daemon gave.
std::string formatted(const std::string& format, const std::string& document,
                      const std::string& type, const std::string& name = {}) {
  constexpr int kBadTemplate = 64;  // as the stock client has it
  if (format == "json") return document + "\n";
  std::optional<Template> text;
  try {
    text.emplace(format);
  } catch (const Error& error) {
    throw UsageError(std::string("template parsing error: ") + error.what(), kBadTemplate);
  }
  try {
    return text->fill(
               Template::Subject{nlohmann::ordered_json::parse(document), type, {}, {}, name}) +
           "\n";
  } catch (const Error&) {
    print("\n");  // as the stock client does
    throw;
  }
}

std::string counts(const api::SystemInfo& info) {
  std::string text = "Server:\n";
  text += fmt::format(" Containers: {}\n  Running: {}\n  Paused: {}\n  Stopped: {}\n Images: {}\n",
                      info.containers, info.containers_running, info.containers_paused,
                      info.containers_stopped, info.images);
  text += " Server Version: " + info.server_version + "\n Storage Driver: " + info.driver + "\n";
  for (const auto& [name, value] : info.driver_status)
    text += "  " + name + ": " + value + "\n";
  text += " Logging Driver: " + info.logging_driver + "\n Cgroup Driver: " + info.cgroup_driver +
          "\n Cgroup Version: " + info.cgroup_version + "\n";
  text += " Plugins:\n  Volume: " + join(info.plugins.volume, " ") +
          "\n  Network: " + join(info.plugins.network, " ") +
          "\n  Log: " + join(info.plugins.log, " ") + "\n";
  return text;
}

std::string machine(const api::SystemInfo& info) {
  std::string text;
  const auto line = [&text](std::string_view name, const std::string& value) {
    text += fmt::format(" {}: {}\n", name, value);
  };
  std::vector<std::string> runtimes;
  for (const auto& [name, runtime] : info.runtimes)
    runtimes.push_back(name);
  line("Runtimes", join(runtimes, " "));
  line("Default Runtime", info.default_runtime);
  if (!info.security_options.empty()) {
    text += " Security Options:\n";
    for (const std::string& option : info.security_options)
      text += "  " + option + "\n";
  }
  line("Kernel Version", info.kernel_version);
  line("Operating System", info.operating_system);
  line("OSType", info.os_type);
  line("Architecture", info.architecture);
  line("CPUs", std::to_string(info.cpus));
  line("Total Memory", format_binary_size(static_cast<std::uint64_t>(info.mem_total)));
  line("Name", info.name);
  line("ID", info.id);
  line("Berth Root Dir", info.docker_root_dir);
  line("Debug Mode", info.debug ? "true" : "false");
  line("Live Restore Enabled", info.live_restore_enabled ? "true" : "false");
  return text;
}

}  // namespace

int run_version(Context& context, const Arguments& arguments) {
  CommandLine line("version", "version [OPTIONS]", "Show the Berth version information");
  std::string format;
  line.text("-f,--format", format, "Format output: 'json' or a template");
  line.parse(arguments, 0, 0);
  if (!format.empty()) {
    const std::string server = context.client().call("GET", "/version");
    const std::string client =
        fmt::format(R"({{"Version":"{}","ApiVersion":"{}"}})", BERTH_VERSION, kClientApiVersion);
    print(formatted(format, fmt::format(R"({{"Client":{},"Server":{}}})", client, trim(server)),
                    "system.versionInfo", "version"));
    return 0;
  }
  // The client's part is shown even when there is no daemon to ask.
  print(client_version());
  print(server_version(api::from_text<api::Version>(context.client().call("GET", "/version"))));
  return 0;
}

int run_info(Context& context, const Arguments& arguments) {
  CommandLine line("info", "info [OPTIONS]", "Display system-wide information");
  std::string format;
  line.text("-f,--format", format, "Format output: 'json' or a template");
  line.parse(arguments, 0, 0);
  const std::string document = context.client().call("GET", "/info");
  if (!format.empty()) {
    print(formatted(format, std::string(trim(document)), "system.dockerInfo"));
    return 0;
  }
  const auto info = api::from_text<api::SystemInfo>(document);
  print("Client: Berth\n Version: " BERTH_VERSION "\n\n" + counts(info) + machine(info));
  for (const std::string& warning : info.warnings)
    print_error("WARNING: " + warning + "\n");
  return 0;
}

}  // namespace berth::client
