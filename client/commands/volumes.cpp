// volume create, ls, rm and prune.
#include "api/fields.hpp"
#include "api/volume.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/filters.hpp"
#include "client/commands/verbs.hpp"
#include "client/format/table.hpp"
#include "client/options/value.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

std::string path_of(const std::string& name) {
  return "/volumes/" + escape_url(name);
}

std::string joined_pairs(const api::StringMap& pairs) {
  std::vector<std::string> texts;
  for (const auto& [key, value] : pairs)
    texts.push_back(key + "=" + value);
  return join(texts, ",");
}

}  // namespace

int run_volume_create(Context& context, const Arguments& arguments) {
  CommandLine line("volume create", "volume create [OPTIONS] [VOLUME]", "Create a volume");
  api::VolumeCreate request;
  std::vector<std::string> labels;
  std::vector<std::string> options;
  line.text("-d,--driver", request.driver, "Specify volume driver name (default \"local\")");
  line.list("--label", labels, "Set metadata for a volume");
  line.list("-o,--opt", options, "Set driver specific options");
  const Arguments names = line.parse(arguments, 0, 1);
  if (!names.empty()) request.name = names.front();
  request.labels = parse_pairs(labels, "label");
  request.driver_opts = parse_pairs(options, "opt");
  const auto made = api::from_text<api::Volume>(
      context.client().call("POST", "/volumes/create", api::to_text(request)));
  print(made.name + "\n");
  return 0;
}

int run_volume_ls(Context& context, const Arguments& arguments) {
  CommandLine line("volume ls", "volume ls [OPTIONS]", "List volumes");
  std::vector<std::string> filters;
  std::string text_format;
  bool quiet = false;
  line.list("-f,--filter", filters, "Provide filter values (e.g. 'dangling=true')");
  line.text("--format", text_format, "Format output: 'table', 'json' or a template");
  line.flag("-q,--quiet", quiet, "Only display volume names");
  line.parse(arguments, 0, 0);
  const auto list = api::from_text<api::VolumeList>(context.client().call(
      "GET", "/volumes" + query_string({{"filters", encode_filters(filters)}})));
  const TableFormat format{{{"Driver", "DRIVER"},
                            {"Name", "VOLUME NAME"},
                            {"Scope", "SCOPE"},
                            {"Mountpoint", "MOUNTPOINT"},
                            {"Labels", "LABELS"},
                            {"Availability", "AVAILABILITY"},
                            {"Group", "GROUP"},
                            {"Links", "LINKS"},
                            {"Size", "SIZE"},
                            {"Status", "STATUS"}},
                           {"Driver", "Name"},
                           text_format,
                           quiet ? "name: {{.Name}}" : "name: {{.Name}}\ndriver: {{.Driver}}\n",
                           "*formatter.volumeContext",
                           [&list](std::size_t row, const std::string& name) {
                             const auto found = list.volumes[row].labels.find(name);
                             return found == list.volumes[row].labels.end() ? "" : found->second;
                           }};
  std::vector<Row> rows;
  std::string names;
  for (const api::Volume& volume : list.volumes) {
    names += volume.name + "\n";
    rows.push_back({volume.driver, volume.name, volume.scope, volume.mountpoint,
                    joined_pairs(volume.labels), "N/A", "N/A", "N/A", "N/A", "N/A"});
  }
  print(quiet ? names : format_rows(format, rows));
  return 0;
}

int run_volume_rm(Context& context, const Arguments& arguments) {
  CommandLine line("volume rm", "volume rm [OPTIONS] VOLUME [VOLUME...]",
                   "Remove one or more volumes");
  bool force = false;
  line.flag("-f,--force", force, "Force the removal of one or more volumes");
  const Arguments names = line.parse(arguments, 1);
  return for_each_name(names, [&](const std::string& name) {
    context.client().call("DELETE", path_of(name) + query_string({{"force", force ? "1" : ""}}));
  });
}

}  // namespace berth::client
