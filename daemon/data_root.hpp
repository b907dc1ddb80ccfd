// The daemon's folders, and the lock that keeps a second daemon out of them.
#pragma once

#include <filesystem>
#include <string>

#include "common/fd.hpp"
#include "daemon/config.hpp"

namespace berth {

class DataRoot {
 public:
  /// Makes the folders and takes the lock. Throws Error{kConflict} that names the other daemon's
  /// process.
  explicit DataRoot(const Config& config);
  ~DataRoot();
  DataRoot(const DataRoot&) = delete;
  DataRoot& operator=(const DataRoot&) = delete;

 private:
  Fd lock_;
  std::filesystem::path pidfile_;
};

/// berth-shim: beside this program in a build tree, else where it is installed. Throws
/// Error{kNotFound} that names the places.
std::filesystem::path find_shim();

/// berth-init at the same places; empty when there is none, since most containers need none.
std::filesystem::path find_init();

}  // namespace berth
