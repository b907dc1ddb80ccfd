// Who the container's process is: texts such as "www-data", "1000:1000" or "app:staff", looked up
// in the container's own /etc/passwd and /etc/group. Those files are an image's, hence hostile:
// they are opened in the root, must be plain files, and are read line by line through a bounded
// buffer; what has not the form of an entry is passed over. For PID 1: no allocation, no
// exceptions.
#pragma once

#include <array>
#include <cstddef>

#include <sys/types.h>

#include "daemon/runtime/init_report.hpp"
#include "daemon/runtime/spec.hpp"

namespace berth::runtime {

struct ResolvedUser {
  static constexpr std::size_t kMostGroups = 1024;
  uid_t uid = 0;
  gid_t gid = 0;
  FixedText<4096> home;  // empty: no entry names one
  std::array<gid_t, kMostGroups> groups{};
  std::size_t group_count = 0;

  /// False when there is no room.
  bool add_group(gid_t group);
};

/// Resolves `user` below the directory `root`. Supplementary groups are those that list the user,
/// as login(1) would give, unless a group is named; the primary group is always among them
/// (CVE-2022-36109).
bool resolve_user(const User& user, int root, Report& report, ResolvedUser& resolved);

}  // namespace berth::runtime
