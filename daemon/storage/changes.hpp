// What a container changed of its image's files. Blocking.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace berth::storage {

struct Change {
  enum class Kind { kModified = 0, kAdded = 1, kDeleted = 2 };  // the API's numbers
  std::string path;                                             // absolute, in the container
  Kind kind = Kind::kModified;

  bool operator==(const Change&) const = default;
};

/// How the upper folder is to be read.
enum class Upper {
  kOverlay,  // holds what differs, with overlayfs's whiteouts
  kWhole,    // holds everything
};

/// Compares the folder `upper` with the layers below it, topmost first; sorted by path. A folder in
/// which something changed is modified, too. Paths in `ignored` count as unchanged. Throws Error.
std::vector<Change> find_changes(const std::filesystem::path& upper, Upper form,
                                 const std::vector<std::filesystem::path>& lower,
                                 const std::set<std::string>& ignored);

}  // namespace berth::storage
