#include "daemon/container/tmpfs_options.hpp"

#include <algorithm>
#include <array>
#include <cstdio>

#include "common/error.hpp"
#include "common/text.hpp"

namespace berth::container {

namespace {

// tmpfs(5), and the flags of every mount in mount(8).
constexpr std::array<std::string_view, 7> kKeys = {"size", "mode",      "uid",      "gid",
                                                   "mpol", "nr_inodes", "nr_blocks"};
constexpr std::array<std::string_view, 27> kFlags = {
    "defaults", "ro",         "rw",       "suid",       "nosuid",        "dev",     "nodev",
    "exec",     "noexec",     "sync",     "async",      "dirsync",       "atime",   "noatime",
    "diratime", "nodiratime", "relatime", "norelatime", "strictatime",   "private", "rprivate",
    "shared",   "rshared",    "slave",    "rslave",     "nostrictatime", "mand"};

template <typename List>
bool contains(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

void check(std::string_view option) {
  const std::size_t equals = option.find('=');
  const bool known = equals == std::string_view::npos
                         ? contains(kFlags, option)
                         : contains(kKeys, option.substr(0, equals)) && equals + 1 < option.size();
  if (known) return;
  throw Error(ErrorKind::kInvalidArgument, "invalid tmpfs option \"" + std::string(option) + "\"");
}

/// What the option contradicts: "exec" takes "noexec" away, "size=2m" an earlier "size=1m".
bool replaces(const std::string& later, const std::string& earlier) {
  const std::size_t equals = later.find('=');
  if (equals != std::string::npos) return earlier.starts_with(later.substr(0, equals + 1));
  return earlier == later || earlier == "no" + later || later == "no" + earlier ||
         (later == "rw" && earlier == "ro") || (later == "ro" && earlier == "rw");
}

}  // namespace

std::vector<std::string> tmpfs_options(const std::string& text) {
  std::vector<std::string> options = {"noexec", "nosuid", "nodev"};
  for (const std::string_view word : split(text, ',')) {
    if (word.empty()) continue;
    check(word);
    const std::string option(word);
    std::erase_if(options, [&](const std::string& other) { return replaces(option, other); });
    options.push_back(option);
  }
  return options;
}

std::string tmpfs_text(const api::Mount& wanted) {
  std::vector<std::string> words;
  if (wanted.read_only) words.emplace_back("ro");
  if (!wanted.tmpfs_options) return join(words, ",");
  const api::TmpfsOptions& options = *wanted.tmpfs_options;
  if (options.size_bytes > 0) words.push_back("size=" + std::to_string(options.size_bytes));
  if (options.mode > 0) {
    std::array<char, 16> octal{};
    std::snprintf(octal.data(), octal.size(), "mode=%o", options.mode);
    words.emplace_back(octal.data());
  }
  for (const api::StringList& option : options.options) {
    if (option.empty() || option.size() > 2) {
      throw Error(ErrorKind::kInvalidArgument,
                  "invalid option array length of a tmpfs option: must be 1 or 2");
    }
    const std::string word = join(option, "=");
    if (word.find(',') != std::string::npos)
      throw Error(ErrorKind::kInvalidArgument, "invalid tmpfs option \"" + word + "\"");
    words.push_back(word);
  }
  return join(words, ",");
}

}  // namespace berth::container
