// container prune, image prune and system prune.
#include <iostream>

#include "api/disk_usage.hpp"
#include "api/fields.hpp"
#include "api/network.hpp"
#include "api/volume.hpp"
#include "client/commands/command_line.hpp"
#include "client/commands/filters.hpp"
#include "client/commands/verbs.hpp"
#include "common/text.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

constexpr int kDigits = 4;

struct PruneFlags {
  bool force = false;
  bool all = false;
  std::vector<std::string> filters;
};

/// What was deleted, as text, and what that gave back.
struct Pruned {
  std::string text;
  std::uint64_t space = 0;

  void add(const Pruned& other) {
    text += other.text;
    space += other.space;
  }
};

void add_flags(CommandLine& line, PruneFlags& flags) {
  line.list("--filter", flags.filters, "Provide filter values (e.g. 'until=24h')");
  line.flag("-f,--force", flags.force, "Do not prompt for confirmation");
}

/// True when the user wants it.
bool confirmed(const PruneFlags& flags, const std::string& warning) {
  if (flags.force) return true;
  print("WARNING! " + warning + "\nAre you sure you want to continue? [y/N] ");
  std::string answer;
  std::getline(std::cin, answer);
  const std::string word = to_lower(trim(answer));
  return word == "y" || word == "yes";
}

Pruned prune_containers(Client& client, const PruneFlags& flags) {
  const auto report = api::from_text<api::ContainersPruned>(client.call(
      "POST", "/containers/prune" + query_string({{"filters", encode_filters(flags.filters)}})));
  Pruned pruned{"", report.space_reclaimed};
  if (report.deleted.empty()) return pruned;
  pruned.text = "Deleted Containers:\n" + join(report.deleted, "\n") + "\n\n";
  return pruned;
}

Pruned prune_images(Client& client, const PruneFlags& flags) {
  std::vector<std::string> filters = flags.filters;
  filters.push_back(flags.all ? "dangling=false" : "dangling=true");
  const auto report = api::from_text<api::ImagesPruned>(
      client.call("POST", "/images/prune" + query_string({{"filters", encode_filters(filters)}})));
  Pruned pruned{"", report.space_reclaimed};
  if (report.deleted.empty()) return pruned;
  pruned.text = "Deleted Images:\n";
  for (const api::DeleteItem& item : report.deleted) {
    pruned.text += item.untagged.empty() ? "deleted: " + item.deleted + "\n"
                                         : "untagged: " + item.untagged + "\n";
  }
  pruned.text += "\n";
  return pruned;
}

Pruned prune_volumes(Client& client, const PruneFlags& flags) {
  std::vector<std::string> filters = flags.filters;
  if (flags.all) filters.emplace_back("all=1");
  const auto report = api::from_text<api::VolumesPruned>(
      client.call("POST", "/volumes/prune" + query_string({{"filters", encode_filters(filters)}})));
  Pruned pruned{"", report.space_reclaimed};
  if (!report.deleted.empty())
    pruned.text = "Deleted Volumes:\n" + join(report.deleted, "\n") + "\n\n";
  return pruned;
}

Pruned prune_networks(Client& client, const PruneFlags& flags) {
  const auto report = api::from_text<api::NetworksPruned>(client.call(
      "POST", "/networks/prune" + query_string({{"filters", encode_filters(flags.filters)}})));
  if (report.deleted.empty()) return {};
  return {"Deleted Networks:\n" + join(report.deleted, "\n") + "\n\n"};
}

int finish(const Pruned& pruned) {
  print(pruned.text + "Total reclaimed space: " + format_decimal_size(pruned.space, kDigits) +
        "\n");
  return 0;
}

int refuse(std::string_view what) {
  print_error(std::string(what) + " prune has been cancelled\n");
  return 1;
}

}  // namespace

int run_container_prune(Context& context, const Arguments& arguments) {
  CommandLine line("container prune", "container prune [OPTIONS]", "Remove all stopped containers");
  PruneFlags flags;
  add_flags(line, flags);
  line.parse(arguments, 0, 0);
  if (!confirmed(flags, "This will remove all stopped containers.")) return refuse("container");
  return finish(prune_containers(context.client(), flags));
}

int run_image_prune(Context& context, const Arguments& arguments) {
  CommandLine line("image prune", "image prune [OPTIONS]", "Remove unused images");
  PruneFlags flags;
  line.flag("-a,--all", flags.all, "Remove all unused images, not just dangling ones");
  add_flags(line, flags);
  line.parse(arguments, 0, 0);
  const char* const warning =
      flags.all ? "This will remove all images without at least one container associated to them."
                : "This will remove all dangling images.";
  if (!confirmed(flags, warning)) return refuse("image");
  return finish(prune_images(context.client(), flags));
}

int run_volume_prune(Context& context, const Arguments& arguments) {
  CommandLine line("volume prune", "volume prune [OPTIONS]", "Remove unused local volumes");
  PruneFlags flags;
  line.flag("-a,--all", flags.all, "Remove all unused volumes, not just anonymous ones");
  add_flags(line, flags);
  line.parse(arguments, 0, 0);
  const std::string which = flags.all ? "all" : "anonymous";
  if (!confirmed(flags, "This will remove " + which +
                            " local volumes not used by at least one container."))
    return refuse("volume");
  return finish(prune_volumes(context.client(), flags));
}

int run_network_prune(Context& context, const Arguments& arguments) {
  CommandLine line("network prune", "network prune [OPTIONS]", "Remove all unused networks");
  PruneFlags flags;
  add_flags(line, flags);
  line.parse(arguments, 0, 0);
  if (!confirmed(flags, "This will remove all custom networks not used by at least one container."))
    return refuse("network");
  print(prune_networks(context.client(), flags).text);
  return 0;
}

int run_system_prune(Context& context, const Arguments& arguments) {
  CommandLine line("system prune", "system prune [OPTIONS]", "Remove unused data");
  PruneFlags flags;
  bool volumes = false;
  line.flag("-a,--all", flags.all, "Remove all unused images not just dangling ones");
  line.flag("--volumes", volumes, "Prune anonymous volumes");
  add_flags(line, flags);
  line.parse(arguments, 0, 0);
  const std::string images = flags.all
                                 ? "all images without at least one container associated to them"
                                 : "all dangling images";
  if (!confirmed(
          flags,
          "This will remove:\n  - all stopped containers\n  - all networks not used by at least "
          "one container\n" +
              std::string(volumes ? "  - all anonymous volumes not used by at least one "
                                    "container\n"
                                  : "") +
              "  - " + images + "\n")) {
    return refuse("system");
  }
  Pruned pruned = prune_containers(context.client(), flags);
  pruned.add(prune_networks(context.client(), flags));
  if (volumes) {
    PruneFlags anonymous = flags;
    anonymous.all = false;
    pruned.add(prune_volumes(context.client(), anonymous));
  }
  pruned.add(prune_images(context.client(), flags));
  return finish(pruned);
}

}  // namespace berth::client
