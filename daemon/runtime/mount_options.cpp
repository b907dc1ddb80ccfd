#include "daemon/runtime/mount_options.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <sys/mount.h>

#include "common/error.hpp"

namespace berth::runtime {

namespace {

struct AttributeWord {
  std::string_view word;
  std::uint64_t set;
  std::uint64_t clear;
};

constexpr std::uint64_t kNoSymlinks = 0x00200000;  // MOUNT_ATTR_NOSYMFOLLOW, linux/mount.h

/// Each also with "r" in front, for the whole tree below.
constexpr std::array<AttributeWord, 16> kAttributes = {{
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"nosymfollow", kNoSymlinks, 0},
    {"symfollow", 0, kNoSymlinks},
}};

struct PropagationWord {
  std::string_view word;
  std::uint64_t kind;
  bool recursive;
};
constexpr std::array<PropagationWord, 8> kPropagations = {{{"private", MS_PRIVATE, false},
                                                           {"rprivate", MS_PRIVATE, true},
                                                           {"slave", MS_SLAVE, false},
                                                           {"rslave", MS_SLAVE, true},
                                                           {"shared", MS_SHARED, false},
                                                           {"rshared", MS_SHARED, true},
                                                           {"unbindable", MS_UNBINDABLE, false},
                                                           {"runbindable", MS_UNBINDABLE, true}}};

/// A later word wins over an earlier one.
void apply(std::uint64_t& set, std::uint64_t& clear, const AttributeWord& word) {
  set = (set & ~word.clear) | word.set;
  clear = (clear & ~word.set) | word.clear;
}

bool take_attribute(std::string_view option, MountOptions& options) {
  for (const AttributeWord& word : kAttributes) {
    if (option == word.word) {
      apply(options.set, options.clear, word);
      return true;
    }
    if (option.starts_with('r') && option.substr(1) == word.word) {
      apply(options.set_recursive, options.clear_recursive, word);
      return true;
    }
  }
  return false;
}

bool take_propagation(std::string_view option, MountOptions& options) {
  for (const PropagationWord& word : kPropagations) {
    if (option != word.word) continue;
    options.propagation = word.kind;
    options.propagation_recursive = word.recursive;
    return true;
  }
  return false;
}

}  // namespace

MountOptions parse_mount_options(const Mount& mount) {
  static constexpr std::array<std::string_view, 7> kNothing = {
      "defaults", "remount", "async", "norelatime", "nostrictatime", "nomand", "silent"};
  MountOptions options;
  options.bind = mount.type == "bind";
  for (const std::string& option : mount.options) {
    if (option.empty() || std::find(kNothing.begin(), kNothing.end(), option) != kNothing.end())
      continue;
    if (option == "bind" || option == "rbind") {
      options.bind = true;
      options.recursive = option == "rbind";
    } else if (option == "idmap" || option == "ridmap") {
      options.map_ids = true;
      options.map_ids_recursive = option == "ridmap";
    } else if (!take_attribute(option, options) && !take_propagation(option, options)) {
      options.data.push_back(option);
    }
  }
  if (options.bind && !options.data.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "mount option \"" + options.data.front() + "\" of \"" +
                                                 mount.destination +
                                                 "\" is unknown: a bind mount has no file system "
                                                 "options of its own");
  }
  if (options.bind && mount.source.empty()) {
    throw Error(ErrorKind::kInvalidArgument,
                "bind mount \"" + mount.destination + "\" has no source: must be an absolute path");
  }
  if (!options.bind && mount.type.empty()) {
    throw Error(ErrorKind::kInvalidArgument, "mount \"" + mount.destination +
                                                 "\" has no type: must be a file system such as "
                                                 "\"tmpfs\", or \"bind\"");
  }
  return options;
}

}  // namespace berth::runtime
