// system df.
#include "api/disk_usage.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "api/fields.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/pull_image.hpp"
#include "client/commands/verbs.hpp"
#include "client/format/table.hpp"
#include "client/format/text.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

constexpr int kTotalDigits = 4;
constexpr std::size_t kCommandWidth = 20;

std::string size_text(std::int64_t bytes, int digits = kTotalDigits) {
  return format_decimal_size(static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0)), digits);
}

/// One line of the summary.
struct Total {
  std::string type;
  std::size_t count = 0;
  std::size_t active = 0;
  std::int64_t size = 0;
  std::int64_t reclaimable = 0;

  Row row() const {
    std::string reclaim = size_text(reclaimable);
    if (size > 0) reclaim += fmt::format(" ({}%)", reclaimable * 100 / size);
    return {type, std::to_string(count), std::to_string(active), size_text(size), reclaim};
  }
};

bool is_active(const api::ContainerSummary& container) {
  return container.state == "running" || container.state == "paused" ||
         container.state == "restarting";
}

Total total_images(const api::DiskUsage& usage) {
  Total total{"Images", usage.images->size(), 0, usage.layers_size, usage.layers_size};
  for (const api::ImageSummary& image : *usage.images) {
    if (image.containers <= 0) continue;
    ++total.active;
    total.reclaimable -= image.size - std::max<std::int64_t>(image.shared_size, 0);
  }
  total.reclaimable = std::max<std::int64_t>(total.reclaimable, 0);
  return total;
}

Total total_containers(const api::DiskUsage& usage) {
  Total total{"Containers", usage.containers->size(), 0, 0, 0};
  for (const api::ContainerSummary& container : *usage.containers) {
    total.size += container.size_rw;
    if (is_active(container)) {
      ++total.active;
    } else {
      total.reclaimable += container.size_rw;
    }
  }
  return total;
}

template <typename List>
std::size_t count_of(const std::optional<List>& list) {
  return list ? list->size() : 0;
}

std::string summary(const api::DiskUsage& usage, const std::string& format) {
  const TableFormat table{{{"Type", "TYPE"},
                           {"TotalCount", "TOTAL"},
                           {"Active", "ACTIVE"},
                           {"Size", "SIZE"},
                           {"Reclaimable", "RECLAIMABLE"}},
                          {"Type", "TotalCount", "Active", "Size", "Reclaimable"},
                          format};
  return format_rows(table, {total_images(usage).row(), total_containers(usage).row(),
                             Total{"Local Volumes", count_of(usage.volumes), 0, 0, 0}.row(),
                             Total{"Build Cache", count_of(usage.build_cache), 0, 0, 0}.row()});
}

std::string table_text(const std::vector<std::string>& headers, const std::vector<Row>& rows) {
  std::vector<std::vector<std::string>> lines{headers};
  lines.insert(lines.end(), rows.begin(), rows.end());
  return align_columns(lines);
}

std::string image_details(const api::DiskUsage& usage) {
  std::vector<Row> rows;
  for (const api::ImageSummary& image : *usage.images) {
    const ImageName name =
        split_image_name(image.repo_tags.empty() ? "<none>:<none>" : image.repo_tags.front());
    const std::int64_t shared = std::max<std::int64_t>(image.shared_size, 0);
    rows.push_back({name.repository, name.tag, short_id(image.id), ago(image.created),
                    size_text(image.size, 3), size_text(shared, 3),
                    size_text(image.size - shared, 3), std::to_string(image.containers)});
  }
  return "Images space usage:\n\n" + table_text({"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE",
                                                 "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS"},
                                                rows);
}

std::string container_details(const api::DiskUsage& usage) {
  std::vector<Row> rows;
  for (const api::ContainerSummary& container : *usage.containers) {
    const auto volumes =
        std::count_if(container.mounts.begin(), container.mounts.end(),
                      [](const api::MountPoint& mount) { return mount.type == "volume"; });
    std::string name = container.names.empty() ? "" : container.names.front();
    if (name.starts_with('/')) name.erase(0, 1);
    rows.push_back({short_id(container.id), container.image,
                    quote(shorten(container.command, kCommandWidth)), std::to_string(volumes),
                    size_text(container.size_rw, 3), ago(container.created), container.status,
                    name});
  }
  return "\nContainers space usage:\n\n" +
         table_text({"CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED",
                     "STATUS", "NAMES"},
                    rows);
}

}  // namespace

int run_df(Context& context, const Arguments& arguments) {
  CommandLine line("system df", "system df [OPTIONS]", "Show disk usage");
  std::string format;
  bool verbose = false;
  line.text("--format", format, "Format output: 'table', 'json' or a template");
  line.flag("-v,--verbose", verbose, "Show detailed information on space usage");
  line.parse(arguments, 0, 0);
  if (verbose && !format.empty()) {
    throw line.error("the format option is not used with the verbose option");
  }
  auto usage = api::from_text<api::DiskUsage>(context.client().call("GET", "/system/df"));
  if (!usage.images) usage.images.emplace();
  if (!usage.containers) usage.containers.emplace();
  print(verbose ? image_details(usage) + container_details(usage) : summary(usage, format));
  return 0;
}

}  // namespace berth::client
