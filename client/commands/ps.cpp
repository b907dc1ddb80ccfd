// ps and port.
#include <algorithm>

#include <fmt/format.h>

#include "api/container.hpp"
#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/filters.hpp"
#include "client/commands/streams.hpp"
#include "client/commands/verbs.hpp"
#include "client/format/table.hpp"
#include "client/format/text.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

constexpr std::size_t kCommandWidth = 20;
constexpr std::size_t kMountWidth = 15;

struct PsFlags {
  bool all = false;
  bool latest = false;
  bool full = false;
  bool quiet = false;
  bool size = false;
  int last = -1;
  std::vector<std::string> filters;
  std::string format;
};

const std::vector<Column>& columns() {
  static const std::vector<Column> kColumns = {
      {"ID", "CONTAINER ID"},    {"Image", "IMAGE"},
      {"Command", "COMMAND"},    {"CreatedAt", "CREATED AT"},
      {"RunningFor", "CREATED"}, {"Ports", "PORTS"},
      {"State", "STATE"},        {"Status", "STATUS"},
      {"Size", "SIZE"},          {"Names", "NAMES"},
      {"Labels", "LABELS"},      {"Mounts", "MOUNTS"},
      {"Networks", "NETWORKS"},  {"LocalVolumes", "LOCAL VOLUMES"},
      {"Platform", "PLATFORM"}};
  return kColumns;
}

std::string size_text(const api::ContainerSummary& container) {
  const auto text = [](std::int64_t bytes) {
    return format_decimal_size(static_cast<std::uint64_t>(bytes));
  };
  std::string size = text(container.size_rw);
  if (container.size_root_fs > 0) size += " (virtual " + text(container.size_root_fs) + ")";
  return size;
}

/// Names that are the container's own, not those by which links know it.
std::string names_text(const api::ContainerSummary& container, bool full) {
  std::vector<std::string> names;
  for (std::string name : container.names) {
    if (name.starts_with('/')) name.erase(0, 1);
    if (full || name.find('/') == std::string::npos) names.push_back(std::move(name));
  }
  return join(names, ",");
}

std::string mounts_text(const api::ContainerSummary& container, bool full) {
  std::vector<std::string> names;
  for (const api::MountPoint& mount : container.mounts) {
    const std::string& name = mount.name.empty() ? mount.source : mount.name;
    names.push_back(full ? name : shorten(name, kMountWidth));
  }
  return join(names, ",");
}

Row make_row(const api::ContainerSummary& container, bool full) {
  std::vector<std::string> labels;
  for (const auto& [name, value] : container.labels)
    labels.push_back(name + "=" + value);
  std::vector<std::string> networks;
  for (const auto& [name, settings] : container.network_settings.networks)
    networks.push_back(name);
  const auto volumes =
      std::count_if(container.mounts.begin(), container.mounts.end(),
                    [](const api::MountPoint& mount) { return mount.type == "volume"; });
  const std::string command = full ? container.command : shorten(container.command, kCommandWidth);
  // An image that lost its name is shown by its id.
  const bool is_id =
      container.image.starts_with("sha256:") || container.image == container.image_id;
  const std::string image = is_id && !full ? short_id(container.image) : container.image;
  return {full ? container.id : short_id(container.id),
          image.empty() ? "<no image>" : image,
          quote(command),
          local_time(container.created),
          ago(container.created),
          format_ports(container.ports),
          container.state,
          container.status,
          size_text(container),
          names_text(container, full),
          join(labels, ","),
          mounts_text(container, full),
          join(networks, ","),
          std::to_string(volumes),
          std::string(kNull)};
}

std::string raw_template(bool size) {
  std::string text =
      "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n"
      "created_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\nstatus: {{- pad .Status 1 0}}\n"
      "names: {{.Names}}\nlabels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n";
  return size ? text + "size: {{.Size}}\n" : text;
}

PsFlags parse_ps(const Arguments& arguments) {
  CommandLine line("ps", "ps [OPTIONS]", "List containers");
  PsFlags flags;
  line.flag("-a,--all", flags.all, "Show all containers (default shows just running)");
  line.list("-f,--filter", flags.filters, "Filter output based on conditions provided");
  line.text("--format", flags.format, "Format output: 'table', 'json' or a template");
  line.flags().add_option("-n,--last", flags.last, "Show n last created containers");
  line.flag("-l,--latest", flags.latest, "Show the latest created container");
  line.flag("--no-trunc", flags.full, "Don't truncate output");
  line.flag("-q,--quiet", flags.quiet, "Only display container IDs");
  line.flag("-s,--size", flags.size, "Display total file sizes");
  line.parse(arguments, 0, 0);
  return flags;
}

}  // namespace

int run_ps(Context& context, const Arguments& arguments) {
  const PsFlags flags = parse_ps(arguments);
  const int limit = flags.latest ? 1 : flags.last;
  const bool wants_size = flags.size || format_uses(flags.format, "Size");
  const std::string target =
      "/containers/json" + query_string({{"all", flags.all ? "1" : ""},
                                         {"limit", limit > 0 ? std::to_string(limit) : ""},
                                         {"size", wants_size ? "1" : ""},
                                         {"filters", encode_filters(flags.filters)}});
  const auto containers =
      api::list_from_text<api::ContainerSummary>(context.client().call("GET", target));
  if (flags.quiet && flags.format.empty()) {
    std::string text;
    for (const api::ContainerSummary& container : containers)
      text += (flags.full ? container.id : short_id(container.id)) + "\n";
    print(text);
    return 0;
  }
  TableFormat format{columns(),
                     {"ID", "Image", "Command", "RunningFor", "Status", "Ports", "Names"},
                     flags.format,
                     flags.quiet ? "container_id: {{.ID}}" : raw_template(flags.size),
                     "*formatter.ContainerContext",
                     [&containers](std::size_t row, const std::string& name) {
                       const auto found = containers[row].labels.find(name);
                       return found == containers[row].labels.end() ? "" : found->second;
                     },
                     "failed to execute template: "};
  if (flags.size) format.shown.emplace_back("Size");
  std::vector<Row> rows;
  rows.reserve(containers.size());
  for (const api::ContainerSummary& container : containers)
    rows.push_back(make_row(container, flags.full));
  print(format_rows(format, rows));
  return 0;
}

int run_port(Context& context, const Arguments& arguments) {
  CommandLine line("port", "port CONTAINER [PRIVATE_PORT[/PROTO]]", "List port mappings");
  const Arguments values = line.parse(arguments, 1, 2);
  const api::ContainerInspect container = inspect_container(context.client(), values[0]);
  const api::PortMap& ports = container.network_settings.ports;
  const auto address = [](const api::PortBinding& binding) {
    const bool v6 = binding.host_ip.find(':') != std::string::npos;
    return (v6 ? "[" + binding.host_ip + "]" : binding.host_ip) + ":" + binding.host_port;
  };
  std::string text;
  if (values.size() == 2) {
    const bool has_protocol = values[1].find('/') != std::string::npos;
    const std::string key = has_protocol ? values[1] : values[1] + "/tcp";
    const auto found = ports.find(key);
    if (found == ports.end() || found->second.empty()) {
      throw Error(ErrorKind::kNotFound, "no public port '" + key + "' published for " + values[0]);
    }
    for (const api::PortBinding& binding : found->second)
      text += address(binding) + "\n";
  } else {
    for (const auto& [port, bindings] : ports) {
      for (const api::PortBinding& binding : bindings)
        text += port + " -> " + address(binding) + "\n";
    }
  }
  print(text);
  return 0;
}

}  // namespace berth::client
