// The entries of a folder.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <dirent.h>

#include "common/fd.hpp"

namespace berth::storage {

/// Reads a folder's entries without "." and "..". An entry may be deleted once it was returned.
class FolderReader {
 public:
  /// Takes the folder's descriptor, open for reading. Throws Error.
  explicit FolderReader(Fd folder);
  /// The next entry, or null at the end. Throws Error.
  const dirent* next();
  int fd() const noexcept { return ::dirfd(stream_.get()); }

 private:
  struct Close {
    void operator()(DIR* stream) const noexcept { ::closedir(stream); }
  };
  std::unique_ptr<DIR, Close> stream_;
};

/// All names of the folder, in no order. Throws Error.
std::vector<std::string> names_in(int folder);

}  // namespace berth::storage
