#include "daemon/container/propagation.hpp"

#include <algorithm>
#include <array>

#include <fcntl.h>
#include <sys/stat.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/container/mounts.hpp"

namespace berth::container {

namespace {

constexpr std::array<std::string_view, 6> kPropagations = {"private", "rprivate", "shared",
                                                           "rshared", "slave",    "rslave"};

struct HostMount {
  std::string point;
  bool shared = false;
  bool slave = false;
};

/// The mount of this namespace that `path` is on, found by its number: whatever is mounted over
/// whatever, the kernel knows (statx(2), proc_pid_mountinfo(5)).
HostMount mount_of(const std::string& path) {
  struct statx status{};
  check_errno(::statx(AT_FDCWD, path.c_str(), 0, STATX_MNT_ID, &status), "statx", path);
  const std::string table = read_file("/proc/self/mountinfo");
  for (const std::string_view line : split(table, '\n')) {
    const auto fields = split(line, ' ');
    constexpr std::size_t kFirstOptional = 6;
    if (fields.size() <= kFirstOptional) continue;
    if (parse_number<std::uint64_t>(fields[0]) != status.stx_mnt_id) continue;
    HostMount found{std::string(fields[4])};
    for (std::size_t i = kFirstOptional; i < fields.size() && fields[i] != "-"; ++i) {
      found.shared = found.shared || fields[i].starts_with("shared:");
      found.slave = found.slave || fields[i].starts_with("master:");
    }
    return found;
  }
  throw Error(ErrorKind::kInternal, "\"" + path + "\" is on no mount of this namespace");
}

void check(const std::string& source, const std::string& propagation) {
  const bool wants_shared = propagation == "shared" || propagation == "rshared";
  const bool wants_slave = propagation == "slave" || propagation == "rslave";
  if (!wants_shared && !wants_slave) return;
  const HostMount host = mount_of(source);
  const std::string where = "path " + source + " is mounted on " + host.point + " but it is not a ";
  if (wants_shared && !host.shared)
    throw Error(ErrorKind::kInvalidArgument, where + "shared mount");
  if (wants_slave && !host.shared && !host.slave)
    throw Error(ErrorKind::kInvalidArgument, where + "shared or slave mount");
}

}  // namespace

bool is_propagation(std::string_view word) {
  return std::find(kPropagations.begin(), kPropagations.end(), word) != kPropagations.end();
}

std::string propagation_of(const std::vector<std::string>& options) {
  const auto found = std::find_if(options.begin(), options.end(), &is_propagation);
  return found == options.end() ? std::string() : *found;
}

void check_propagation(const api::HostConfig& host_config) {
  for (const std::string& text : host_config.binds) {
    const Bind bind = parse_bind(text);
    check(bind.source, propagation_of(bind.options));
  }
  for (const api::Mount& wanted : host_config.mounts) {
    if (wanted.type == "bind" && wanted.bind_options)
      check(wanted.source, wanted.bind_options->propagation);
  }
}

}  // namespace berth::container
