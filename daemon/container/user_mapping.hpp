// The daemon's userns-remap: which ids of the host stand for those of containers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/host_config.hpp"
#include "common/id_map.hpp"

namespace berth::container {

struct UserMapping {
  std::string user;  // whose subordinate ids they are
  IdRanges uids;
  IdRanges gids;

  bool empty() const noexcept { return uids.empty(); }
};

/// Where subordinate ids are given out (subuid(5), subgid(5)); others for tests.
struct SubordinateFiles {
  std::filesystem::path uids = "/etc/subuid";
  std::filesystem::path gids = "/etc/subgid";
};

/// "name", "name:group", the same with numbers, or "default" for the user dockremap, which is made
/// when it is missing. Empty or root: no mapping. Blocking. Throws Error{kInvalidArgument}: no such
/// user, no ids for it.
UserMapping read_user_mapping(const std::string& remap, const SubordinateFiles& files = {});

/// The text of such a file as ranges of `name`, or of `number`, whoever is first found. Throws
/// Error{kInvalidArgument} for a line that is none.
IdRanges subordinate_ids(const std::string& text, const std::string& name, std::uint32_t number);

/// OCI's uidMappings or gidMappings.
nlohmann::json to_json(const IdRanges& ranges);

/// Whether containers of this definition get a user namespace.
bool has_user_namespace(const api::HostConfig& host_config, const UserMapping& mapping);

/// Refuses what cannot be had in one. Throws Error{kInvalidArgument}.
void check_user_namespace(const api::HostConfig& host_config, const UserMapping& mapping);

}  // namespace berth::container
