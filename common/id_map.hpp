// Ids of a user namespace and what they are outside of it (user_namespaces(7)).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace berth {

/// `size` ids from `container` on stand for those from `host` on.
struct IdRange {
  std::uint32_t container = 0;
  std::uint32_t host = 0;
  std::uint32_t size = 0;
};
using IdRanges = std::vector<IdRange>;

/// The host's number for one of the container's, and the other way; none for one that is not
/// mapped.
std::optional<std::uint32_t> host_id(const IdRanges& ranges, std::uint32_t id);
std::optional<std::uint32_t> container_id(const IdRanges& ranges, std::uint32_t id);

/// Those of users and of groups; empty where ids are the host's own.
struct IdMaps {
  IdRanges uids;
  IdRanges gids;
  bool empty() const noexcept { return uids.empty(); }
};

/// The text of /proc/<pid>/uid_map; empty when it changes nothing. Throws Error{kInternal}.
IdRanges parse_id_map(std::string_view text);

}  // namespace berth
