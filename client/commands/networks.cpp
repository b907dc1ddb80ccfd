// network create, ls, rm and prune.
#include <algorithm>

#include "api/fields.hpp"
#include "api/network.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/filters.hpp"
#include "client/commands/verbs.hpp"
#include "client/format/table.hpp"
#include "client/options/value.hpp"
#include "common/ids.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

struct CreateFlags {
  std::vector<std::string> labels;
  std::vector<std::string> options;
  std::vector<std::string> subnets;
  std::vector<std::string> ranges;
  std::vector<std::string> gateways;
  std::vector<std::string> reserved;
};

/// The flags of addresses go together by their order, as each subnet may have one of each.
std::optional<api::Ipam> ipam_of(const CommandLine& line, const CreateFlags& flags) {
  if (flags.subnets.empty() && flags.ranges.empty() && flags.gateways.empty() &&
      flags.reserved.empty()) {
    return std::nullopt;
  }
  const std::size_t count = flags.subnets.size();
  if (count < flags.ranges.size() || count < flags.gateways.size() ||
      (count != 1 && !flags.reserved.empty())) {
    throw line.error("every --ip-range, --gateway and --aux-address needs a --subnet", 1);
  }
  api::Ipam ipam;
  ipam.driver = "default";
  for (std::size_t i = 0; i < count; ++i) {
    api::IpamConfig config;
    config.subnet = flags.subnets[i];
    if (i < flags.ranges.size()) config.ip_range = flags.ranges[i];
    if (i < flags.gateways.size()) config.gateway = flags.gateways[i];
    config.auxiliary_addresses = parse_pairs(flags.reserved, "aux-address");
    ipam.config.push_back(std::move(config));
  }
  return ipam;
}

}  // namespace

int run_network_create(Context& context, const Arguments& arguments) {
  CommandLine line("network create", "network create [OPTIONS] NETWORK", "Create a network");
  api::NetworkCreateRequest request;
  request.driver = "bridge";
  CreateFlags flags;
  bool ipv6 = false;
  line.flag("--attachable", request.attachable, "Enable manual container attachment");
  line.list("--aux-address", flags.reserved, "Addresses that no container gets (NAME=ADDRESS)");
  line.text("-d,--driver", request.driver, "Driver to manage the network");
  line.list("--gateway", flags.gateways, "Gateway of the subnet");
  line.flag("--internal", request.internal, "Restrict external access to the network");
  line.list("--ip-range", flags.ranges, "Allocate container addresses from a sub-range");
  line.flag("--ipv6", ipv6, "Enable IPv6 address assignment");
  line.list("--label", flags.labels, "Set metadata on a network");
  line.list("-o,--opt", flags.options, "Set driver specific options");
  line.list("--subnet", flags.subnets, "Subnet in CIDR format that represents a network segment");
  request.name = line.parse(arguments, 1, 1).front();
  if (ipv6) request.enable_ipv6 = true;
  request.ipam = ipam_of(line, flags);
  request.labels = parse_pairs(flags.labels, "label");
  request.options = parse_pairs(flags.options, "opt");
  const auto made = api::from_text<api::NetworkCreateResponse>(
      context.client().call("POST", "/networks/create", api::to_text(request)));
  if (!made.warning.empty()) print_error("WARNING: " + made.warning + "\n");
  print(made.id + "\n");
  return 0;
}

int run_network_ls(Context& context, const Arguments& arguments) {
  CommandLine line("network ls", "network ls [OPTIONS]", "List networks");
  std::vector<std::string> filters;
  std::string text_format;
  bool quiet = false;
  bool full = false;
  line.list("-f,--filter", filters, "Provide filter values (e.g. 'driver=bridge')");
  line.text("--format", text_format, "Format output: 'table', 'json' or a template");
  line.flag("--no-trunc", full, "Do not truncate the output");
  line.flag("-q,--quiet", quiet, "Only display network IDs");
  line.parse(arguments, 0, 0);
  auto list = api::list_from_text<api::Network>(context.client().call(
      "GET", "/networks" + query_string({{"filters", encode_filters(filters)}})));
  std::sort(list.begin(), list.end(),
            [](const auto& left, const auto& right) { return left.name < right.name; });
  const TableFormat format{
      {{"ID", "NETWORK ID"},
       {"Name", "NAME"},
       {"Driver", "DRIVER"},
       {"Scope", "SCOPE"},
       {"CreatedAt", "CREATED AT"},
       {"IPv4", "IPV4"},
       {"IPv6", "IPV6"},
       {"Internal", "INTERNAL"},
       {"Labels", "LABELS"}},
      {"ID", "Name", "Driver", "Scope"},
      text_format,
      quiet ? "network_id: {{.ID}}"
            : "network_id: {{.ID}}\nname: {{.Name}}\ndriver: {{.Driver}}\nscope: {{.Scope}}\n",
      "*network.networkContext",
      [&list](std::size_t row, const std::string& name) {
        const auto found = list[row].labels.find(name);
        return found == list[row].labels.end() ? "" : found->second;
      }};
  std::vector<Row> rows;
  std::string ids;
  for (const api::Network& network : list) {
    const std::string id = full ? network.id : std::string(short_id(network.id));
    ids += id + "\n";
    std::vector<std::string> labels;
    for (const auto& [key, value] : network.labels)
      labels.push_back(key + "=" + value);
    rows.push_back({id, network.name, network.driver, network.scope, network.created,
                    network.enable_ipv4 ? "true" : "false", network.enable_ipv6 ? "true" : "false",
                    network.internal ? "true" : "false", join(labels, ",")});
  }
  print(quiet ? ids : format_rows(format, rows));
  return 0;
}

int run_network_rm(Context& context, const Arguments& arguments) {
  CommandLine line("network rm", "network rm NETWORK [NETWORK...]", "Remove one or more networks");
  bool force = false;
  line.flag("-f,--force", force, "Do not error if the network does not exist");
  const Arguments names = line.parse(arguments, 1);
  return for_each_name(names, [&](const std::string& name) {
    try {
      context.client().call("DELETE", "/networks/" + escape_url(name));
    } catch (const ApiError& error) {
      if (!force || error.kind() != ErrorKind::kNotFound) throw;
    }
  });
}

}  // namespace berth::client
