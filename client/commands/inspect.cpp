// inspect, for containers and images: the daemon's own JSON, laid out.
#include <nlohmann/json.hpp>

#include "client/commands/command_line.hpp"
#include "client/commands/verbs.hpp"
#include "client/format/template.hpp"
#include "client/options/refused.hpp"

namespace berth::client {

namespace {

constexpr int kIndent = 4;

/// Paths in front of and behind the name, and what to call the thing when there is none.
struct Kind {
  std::string_view word;
  std::string_view prefix;
  std::string_view suffix = "";
};
constexpr Kind kContainer{"container", "/containers/", "/json"};
constexpr Kind kImage{"image", "/images/", "/json"};
constexpr Kind kNetwork{"network", "/networks/"};
constexpr Kind kVolume{"volume", "/volumes/"};

std::string fetch(Client& client, const Kind& kind, const std::string& name, bool size) {
  return client.call("GET", std::string(kind.prefix) + escape_url(name) + std::string(kind.suffix) +
                                (size ? "?size=1" : ""));
}

/// The first kind that knows the name.
std::string find(Client& client, const std::vector<Kind>& kinds, const std::string& name,
                 bool size) {
  for (const Kind& kind : kinds) {
    try {
      return fetch(client, kind, name, size && kind.word == kContainer.word);
    } catch (const ApiError& error) {
      if (error.kind() != ErrorKind::kNotFound || kinds.size() == 1) throw;
    }
  }
  throw Error(ErrorKind::kNotFound, "Error: No such object: " + name);
}

/// What the API leaves out when it is not set: templates ask for it with {{if}}.
const std::vector<std::string> kOptionalFields = {
    "Annotations",  "ConfigFrom", "DeviceRequests", "Healthcheck", "Health", "HostnamePath",
    "LinkLocalIPs", "Options",    "SizeRootFs",     "SizeRw",      "Status", "UsageData"};

constexpr std::string_view kTemplateError = "template parsing error: ";

Template parse(const std::string& text) {
  constexpr int kBadTemplate = 64;  // as the stock client has it
  try {
    return Template(text);
  } catch (const Error& error) {
    throw UsageError(std::string(kTemplateError) + error.what(), kBadTemplate);
  }
}

std::string fill(const Template& text, const nlohmann::ordered_json& document) {
  try {
    return text.fill(Template::Subject{document, {}, {}, kOptionalFields});
  } catch (const Error& error) {
    throw Error(error.kind(), std::string(kTemplateError) + error.what());
  }
}

struct InspectFlags {
  std::string format;
  std::string type;
  bool size = false;
};

int inspect(Client& client, const std::vector<Kind>& kinds, const Arguments& names,
            const InspectFlags& flags) {
  const bool as_json = flags.format == "json";
  const bool uses_template = !flags.format.empty() && !as_json;
  const Template text = parse(uses_template ? flags.format : std::string());
  nlohmann::ordered_json found = nlohmann::ordered_json::array();
  std::string output;
  std::string errors;
  for (const std::string& name : names) {
    try {
      auto document = nlohmann::ordered_json::parse(find(client, kinds, name, flags.size));
      if (uses_template) output += fill(text, document) + "\n";
      if (as_json) output += document.dump() + "\n";
      found.push_back(std::move(document));
    } catch (const nlohmann::json::exception&) {
      throw Error(ErrorKind::kInternal, "the daemon's answer is no valid JSON");
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kUnavailable) throw;
      errors += std::string(error.what()) + "\n";
      // The line of the object stays, empty: scripts count lines.
      if (std::string_view(error.what()).starts_with(kTemplateError)) output += "\n";
    }
  }
  if (flags.format.empty()) output = found.dump(kIndent) + "\n";
  print(output);
  print_error(errors);
  return errors.empty() ? 0 : 1;
}

Arguments parse_inspect(CommandLine& line, const Arguments& arguments, InspectFlags& flags) {
  line.text("-f,--format", flags.format, "Format output: 'json' or a template");
  return line.parse(arguments, 1);
}

}  // namespace

int run_inspect(Context& context, const Arguments& arguments) {
  CommandLine line("inspect", "inspect [OPTIONS] NAME|ID [NAME|ID...]",
                   "Return low-level information on containers, images, networks and volumes");
  InspectFlags flags;
  line.flag("-s,--size", flags.size, "Display total file sizes if the type is container");
  line.text("--type", flags.type,
            "Only inspect objects of the given type: container, image, network or volume");
  const Arguments names = parse_inspect(line, arguments, flags);
  std::vector<Kind> kinds;
  if (flags.type.empty() || flags.type == kContainer.word) kinds.push_back(kContainer);
  if (flags.type.empty() || flags.type == kImage.word) kinds.push_back(kImage);
  if (flags.type.empty() || flags.type == kNetwork.word) kinds.push_back(kNetwork);
  if (flags.type.empty() || flags.type == kVolume.word) kinds.push_back(kVolume);
  if (kinds.empty()) {
    throw Error(
        ErrorKind::kInvalidArgument,
        "invalid type \"" + flags.type + "\": expected container, image, network or volume");
  }
  return inspect(context.client(), kinds, names, flags);
}

int run_inspect_container(Context& context, const Arguments& arguments) {
  CommandLine line("container inspect", "container inspect [OPTIONS] CONTAINER [CONTAINER...]",
                   "Display detailed information on one or more containers");
  InspectFlags flags;
  line.flag("-s,--size", flags.size, "Display total file sizes");
  const Arguments names = parse_inspect(line, arguments, flags);
  return inspect(context.client(), {kContainer}, names, flags);
}

int run_inspect_image(Context& context, const Arguments& arguments) {
  CommandLine line("image inspect", "image inspect [OPTIONS] IMAGE [IMAGE...]",
                   "Display detailed information on one or more images");
  InspectFlags flags;
  refuse_option(line.flags(), "--platform", "images here have one platform each");
  const Arguments names = parse_inspect(line, arguments, flags);
  return inspect(context.client(), {kImage}, names, flags);
}

int run_inspect_network(Context& context, const Arguments& arguments) {
  CommandLine line("network inspect", "network inspect [OPTIONS] NETWORK [NETWORK...]",
                   "Display detailed information on one or more networks");
  InspectFlags flags;
  const Arguments names = parse_inspect(line, arguments, flags);
  return inspect(context.client(), {kNetwork}, names, flags);
}

int run_inspect_volume(Context& context, const Arguments& arguments) {
  CommandLine line("volume inspect", "volume inspect [OPTIONS] VOLUME [VOLUME...]",
                   "Display detailed information on one or more volumes");
  InspectFlags flags;
  const Arguments names = parse_inspect(line, arguments, flags);
  return inspect(context.client(), {kVolume}, names, flags);
}

}  // namespace berth::client
