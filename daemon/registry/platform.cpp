// Platform names and the choice among an index's entries.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include <sys/utsname.h>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/registry/manifest.hpp"

namespace berth::registry {

namespace {

struct ArchitectureName {
  std::string_view alias;
  std::string_view architecture;
  std::string_view variant;
};
/// What uname(2) and people write, beside GOARCH's own names.
constexpr std::array<ArchitectureName, 9> kAliases{{{"x86_64", "amd64", ""},
                                                    {"x86-64", "amd64", ""},
                                                    {"aarch64", "arm64", ""},
                                                    {"armhf", "arm", "v7"},
                                                    {"armv7l", "arm", "v7"},
                                                    {"armel", "arm", "v6"},
                                                    {"armv6l", "arm", "v6"},
                                                    {"i386", "386", ""},
                                                    {"i686", "386", ""}}};
constexpr std::array<std::string_view, 9> kArchitectures{
    "amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "mips64le", "loong64"};

void normalise(Platform& platform) {
  platform.os = to_lower(platform.os);
  platform.architecture = to_lower(platform.architecture);
  platform.variant = to_lower(platform.variant);
  for (const ArchitectureName& name : kAliases) {
    if (platform.architecture != name.alias) continue;
    platform.architecture = name.architecture;
    if (platform.variant.empty()) platform.variant = name.variant;
  }
  // These variants are their architecture's default, and images mostly leave them out.
  if (platform.architecture == "arm64" && (platform.variant == "v8" || platform.variant == "8"))
    platform.variant.clear();
  if (platform.architecture == "amd64" && platform.variant == "v1") platform.variant.clear();
  if (platform.architecture == "arm" && platform.variant.empty()) platform.variant = "v7";
  if (platform.variant.size() == 1 && platform.variant[0] >= '5' && platform.variant[0] <= '9')
    platform.variant.insert(0, "v");
}

bool is_name(std::string_view part) {
  if (part.empty() || part.size() > 64 || part.front() == '.') return false;
  return part.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") ==
         std::string_view::npos;
}

/// How well a machine of variant `wanted` is served by `offered`; nothing when not at all. A newer
/// machine runs older variants.
std::optional<int> variant_rank(std::string_view wanted, std::string_view offered) {
  if (wanted == offered) return 1000;
  if (offered.empty()) return 0;
  const auto level = [](std::string_view variant) -> std::optional<int> {
    if (variant.empty()) return 1;
    if (variant.front() != 'v') return std::nullopt;
    return parse_number<int>(variant.substr(1));
  };
  const auto have = level(wanted);
  const auto need = level(offered);
  if (!have || !need || *need > *have) return std::nullopt;
  return need;
}

}  // namespace

std::string Platform::str() const {
  std::string text = os + "/" + architecture;
  if (!variant.empty()) text += "/" + variant;
  return text;
}

Platform host_platform() {
  utsname name{};
  if (::uname(&name) != 0) throw_errno("uname");
  Platform platform{"linux", static_cast<const char*>(name.machine), {}};
  normalise(platform);
  return platform;
}

Platform parse_platform(std::string_view text) {
  Platform platform = host_platform();
  if (text.empty()) return platform;
  const auto parts = split(text, '/');
  for (const std::string_view part : parts) {
    if (parts.size() <= 3 && is_name(part)) continue;
    throw Error(ErrorKind::kInvalidArgument,
                "invalid platform \"" + std::string(text) +
                    "\": must be os[/architecture[/variant]], like linux/arm64");
  }
  if (parts.size() > 1) {
    platform = Platform{std::string(parts[0]), std::string(parts[1]), {}};
    if (parts.size() > 2) platform.variant = parts[2];
  } else {
    Platform alone{"linux", std::string(text), {}};
    normalise(alone);
    const bool is_architecture = std::find(kArchitectures.begin(), kArchitectures.end(),
                                           alone.architecture) != kArchitectures.end();
    if (is_architecture) return alone;
    platform.os = text;
  }
  normalise(platform);
  return platform;
}

bool serves(const Platform& offered, const Platform& wanted) {
  Index single;
  single.manifests.push_back({{}, offered, true});
  return select_platform(single, wanted).has_value();
}

std::optional<Descriptor> select_platform(const Index& index, const Platform& wanted) {
  const IndexEntry* best = nullptr;
  int best_rank = -1;
  for (const IndexEntry& entry : index.manifests) {
    if (!entry.has_platform) continue;
    Platform offered = entry.platform;
    normalise(offered);
    if (offered.os != wanted.os || offered.architecture != wanted.architecture) continue;
    const auto rank = variant_rank(wanted.variant, offered.variant);
    if (!rank || *rank <= best_rank) continue;
    best = &entry;
    best_rank = *rank;
  }
  // An index of a single image may leave its platform out; the configuration is checked anyway.
  if (best == nullptr && index.manifests.size() == 1 && !index.manifests.front().has_platform)
    best = &index.manifests.front();
  if (best == nullptr) return std::nullopt;
  return best->manifest;
}

}  // namespace berth::registry
