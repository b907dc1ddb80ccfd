#include "daemon/container/user_mapping.hpp"

#include <array>
#include <optional>

#include <grp.h>
#include <nlohmann/json.hpp>
#include <pwd.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/process.hpp"
#include "common/text.hpp"
#include "daemon/container/mounts.hpp"
#include "daemon/container/propagation.hpp"
#include "daemon/container/settings.hpp"

namespace berth::container {

namespace {

constexpr const char* kDefaultUser = "dockremap";

[[noreturn]] void refuse(const std::string& message) {
  throw Error(ErrorKind::kInvalidArgument, message);
}

struct Account {
  std::string name;
  std::uint32_t number = 0;
};

/// getpwnam_r(3) and its relatives want a buffer; this is more than any sane entry takes.
using EntryBuffer = std::array<char, 16384>;

std::optional<Account> find_user(const std::string& text) {
  EntryBuffer buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (const auto number = parse_number<uid_t>(text)) {
    ::getpwuid_r(*number, &entry, buffer.data(), buffer.size(), &found);
  } else {
    ::getpwnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &found);
  }
  if (found == nullptr) return std::nullopt;
  return Account{found->pw_name, found->pw_uid};
}

std::optional<Account> find_group(const std::string& text) {
  EntryBuffer buffer{};
  group entry{};
  group* found = nullptr;
  if (const auto number = parse_number<gid_t>(text)) {
    ::getgrgid_r(*number, &entry, buffer.data(), buffer.size(), &found);
  } else {
    ::getgrnam_r(text.c_str(), &entry, buffer.data(), buffer.size(), &found);
  }
  if (found == nullptr) return std::nullopt;
  return Account{found->gr_name, found->gr_gid};
}

std::string read_or_empty(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error) ? read_file(path) : std::string();
}

void run(std::vector<std::string> command) {
  ProcessOptions program;
  program.argv = std::move(command);
  program.environment = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"};
  run_process_checked(program);
}

/// useradd(8) gives subordinate ids to ordinary users by itself, not to a system's, as this is.
void make_default_user(const SubordinateFiles& files) {
  if (!find_user(kDefaultUser)) {
    run({"useradd", "--system", "--no-create-home", "--user-group", "--shell", "/bin/false",
         kDefaultUser});
  }
  std::uint32_t first = 100'000;
  constexpr std::uint32_t kSize = 65'536;
  bool has_uids = false;
  bool has_gids = false;
  const auto look = [&](const std::filesystem::path& path, bool& found) {
    const std::string text = read_or_empty(path);
    for (const std::string_view line : split(text, '\n')) {
      const auto fields = split(line, ':');
      if (fields.size() != 3) continue;
      found = found || fields[0] == kDefaultUser;
      const auto start = parse_number<std::uint32_t>(fields[1]);
      const auto size = parse_number<std::uint32_t>(fields[2]);
      if (start && size) first = std::max(first, *start + *size);
    }
  };
  look(files.uids, has_uids);
  look(files.gids, has_gids);
  const std::string range = std::to_string(first) + "-" + std::to_string(first + kSize - 1);
  if (!has_uids) run({"usermod", "--add-subuids", range, kDefaultUser});
  if (!has_gids) run({"usermod", "--add-subgids", range, kDefaultUser});
}

IdRanges ranges_of(const std::filesystem::path& path, const Account& first, const Account& second,
                   const char* what) {
  const std::string text = read_or_empty(path);
  IdRanges ranges = subordinate_ids(text, first.name, first.number);
  if (ranges.empty()) ranges = subordinate_ids(text, second.name, second.number);
  if (!ranges.empty()) return ranges;
  refuse(std::string("userns-remap: no ") + what + " ranges found for \"" + first.name + "\" in " +
         path.native() + ": add a line such as \"" + first.name + ":100000:65536\"");
}

}  // namespace

IdRanges subordinate_ids(const std::string& text, const std::string& name, std::uint32_t number) {
  IdRanges ranges;
  std::uint64_t next = 0;
  for (const std::string_view whole : split(text, '\n')) {
    const std::string_view line = trim(whole);
    if (line.empty() || line.starts_with('#')) continue;
    const auto fields = split(line, ':');
    const auto refuse_line = [&] {
      refuse("userns-remap: cannot parse the subordinate id \"" + std::string(line) +
             "\": must be like name:100000:65536");
    };
    if (fields.size() != 3) refuse_line();
    if (fields[0] != name && fields[0] != std::to_string(number)) continue;
    const auto start = parse_number<std::uint32_t>(fields[1]);
    const auto size = parse_number<std::uint32_t>(fields[2]);
    constexpr std::uint64_t kLast = 0xfffffffe;
    if (!start || !size || *size == 0 || std::uint64_t{*start} + *size > kLast ||
        next + *size > kLast) {
      refuse_line();
    }
    ranges.push_back({static_cast<std::uint32_t>(next), *start, *size});
    next += *size;
  }
  return ranges;
}

UserMapping read_user_mapping(const std::string& remap, const SubordinateFiles& files) {
  const bool by_default = remap == "default";
  const std::string text = by_default ? std::string(kDefaultUser) : remap;
  const std::size_t colon = text.find(':');
  const std::string user_text = text.substr(0, colon);
  const std::string group_text = colon == std::string::npos ? "" : text.substr(colon + 1);
  if (remap.empty() || user_text == "root" || user_text == "0") return {};
  if (by_default) make_default_user(files);
  const auto user = find_user(user_text);
  if (!user) refuse("userns-remap: there is no user \"" + user_text + "\"");
  Account group = *user;
  if (!group_text.empty()) {
    const auto found = find_group(group_text);
    if (!found) refuse("userns-remap: there is no group \"" + group_text + "\"");
    group = *found;
  }
  UserMapping mapping;
  mapping.user = user->name;
  mapping.uids = ranges_of(files.uids, *user, *user, "subuid");
  mapping.gids = ranges_of(files.gids, group, *user, "subgid");
  return mapping;
}

nlohmann::json to_json(const IdRanges& ranges) {
  nlohmann::json list = nlohmann::json::array();
  for (const IdRange& range : ranges) {
    list.push_back(
        {{"containerID", range.container}, {"hostID", range.host}, {"size", range.size}});
  }
  return list;
}

bool has_user_namespace(const api::HostConfig& host_config, const UserMapping& mapping) {
  return !mapping.empty() && host_config.userns_mode != "host";
}

void check_user_namespace(const api::HostConfig& host_config, const UserMapping& mapping) {
  if (!has_user_namespace(host_config, mapping)) return;
  if (host_config.privileged) {
    refuse(
        "privileged mode is incompatible with user namespaces.  You must run the container in the "
        "host namespace when running privileged mode");
  }
  if (host_config.network_mode == "host")
    refuse("cannot share the host's network namespace when user namespaces are enabled");
  if (host_config.pid_mode == "host")
    refuse("cannot share the host PID namespace when user namespaces are enabled");
  if (host_config.ipc_mode == "host")
    refuse("cannot share the host's ipc namespace when user namespaces are enabled");
  if (!host_config.runtime.empty() && host_config.runtime != kOwnRuntime) {
    refuse("runtime \"" + host_config.runtime +
           "\" cannot be used when user namespaces are enabled: use --userns=host");
  }
  // The kernel never lets mounts out of a user namespace to more privileged ones.
  const auto check = [](const std::string& propagation) {
    if (propagation == "shared" || propagation == "rshared") {
      refuse("mount propagation \"" + propagation +
             "\" is not possible when user namespaces are enabled: use rslave");
    }
  };
  for (const std::string& text : host_config.binds)
    check(propagation_of(parse_bind(text).options));
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.bind_options) check(wanted.bind_options->propagation);
  }
}

}  // namespace berth::container
