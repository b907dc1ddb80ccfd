#include "daemon/runtime/filesystem.hpp"

#include <climits>

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace berth::runtime {

namespace {

bool report_context(Report& report, int context, const char* type, std::string_view option) {
  const int error = errno;
  const FixedText<512> log = file_system_log(context);
  const auto words = error_words(error);
  if (log.empty())
    return report.fail_in_words({"mount ", type, " ", option, ": ", words.view()}, error);
  return report.fail_in_words({"mount ", type, " ", option, ": ", words.view(), ": ", log.view()},
                              error);
}

bool set_option(Report& report, int context, const char* type, const std::string& option) {
  const std::size_t equals = option.find('=');
  int result = 0;
  if (equals == std::string::npos) {
    result = ::fsconfig(context, FSCONFIG_SET_FLAG, option.c_str(), nullptr, 0);
  } else {
    static constexpr std::size_t kLongestKey = 255;
    const FixedText<kLongestKey + 1> key{std::string_view(option).substr(0, equals)};
    result = ::fsconfig(context, FSCONFIG_SET_STRING, key.c_str(), option.c_str() + equals + 1, 0);
  }
  return result == 0 || report_context(report, context, type, option);
}

}  // namespace

FixedText<512> file_system_log(int context) {
  std::array<char, 512> line{};
  FixedText<512> text;
  for (;;) {
    const ssize_t got = ::read(context, line.data(), line.size());
    if (got <= 2) return text;
    const std::string_view view(line.data(), static_cast<std::size_t>(got));
    if (view.starts_with("e ")) {
      text.append(view.substr(2, view.find_last_not_of('\n') - 1));
      return text;
    }
  }
}

Fd new_file_system(Report& report, const char* type, const char* source,
                   std::span<const std::string> data, std::uint64_t attributes) {
  const Fd context(::fsopen(type, FSOPEN_CLOEXEC));
  if (!context) {
    report.fail("fsopen", type);
    return Fd();
  }
  if (*source != '\0' && ::fsconfig(context.get(), FSCONFIG_SET_STRING, "source", source, 0) != 0) {
    report_context(report, context.get(), type, "source");
    return Fd();
  }
  for (const std::string& option : data) {
    if (!set_option(report, context.get(), type, option)) return Fd();
  }
  if (::fsconfig(context.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) {
    report_context(report, context.get(), type, source);
    return Fd();
  }
  Fd tree(::fsmount(context.get(), FSMOUNT_CLOEXEC, static_cast<unsigned>(attributes)));
  if (!tree) report.fail("fsmount", type);
  return tree;
}

Fd copy_tree(Report& report, int directory, const char* path, bool recursive) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (recursive) flags |= AT_RECURSIVE;
  if (*path == '\0') flags |= AT_EMPTY_PATH;
  Fd tree(::open_tree(directory, path, flags));
  if (!tree) report.fail("bind mount of", path);
  return tree;
}

bool attach_tree(Report& report, int tree, int target, std::string_view destination) {
  static constexpr unsigned kFlags = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH;
  if (::move_mount(tree, "", target, "", kFlags) == 0) return true;
  const int error = errno;
  struct stat from{};
  struct stat onto{};
  const bool differ = ::fstat(tree, &from) == 0 && ::fstat(target, &onto) == 0 &&
                      S_ISDIR(from.st_mode) != S_ISDIR(onto.st_mode);
  if (differ) {
    return report.fail_in_words(
        {"mount on \"", destination,
         "\": one is a folder and the other a file: both must be of the same sort"},
        ENOTDIR);
  }
  return report.fail("mount on", destination, error);
}

bool change_mount(Report& report, int tree, std::uint64_t set, std::uint64_t clear,
                  std::uint64_t propagation, bool recursive, std::string_view destination) {
  mount_attr change{};
  change.attr_set = set;
  change.attr_clr = clear;
  change.propagation = propagation;
  const unsigned flags = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  if (::mount_setattr(tree, "", flags, &change, sizeof change) == 0) return true;
  return report.fail("mount_setattr", destination);
}

bool map_ids(Report& report, int tree, int user_namespace, bool recursive,
             std::string_view destination) {
  mount_attr change{};
  change.attr_set = MOUNT_ATTR_IDMAP;
  change.userns_fd = static_cast<std::uint64_t>(user_namespace);
  const unsigned flags = AT_EMPTY_PATH | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0U);
  if (::mount_setattr(tree, "", flags, &change, sizeof change) == 0) return true;
  const int error = errno;
  if (error != EINVAL) return report.fail("translate the owners of", destination, error);
  return report.fail_in_words({"translate the owners of ", destination,
                               ": its file system cannot (mount_setattr(2), MOUNT_ATTR_IDMAP)"},
                              error);
}

}  // namespace berth::runtime
