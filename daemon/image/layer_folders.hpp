// The folders of a layer that is being unpacked: found and made so that no name and no link leads
// out of the layer.
//
// One thread at a time.
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "common/fd.hpp"

namespace berth::image {

class LayerFolders {
 public:
  /// `root` must outlive the object.
  explicit LayerFolders(int root);

  /// The folder at a cleaned path, open for reading; made (0755) with those above it when missing.
  /// Links on the way are followed inside the layer. Good until the next call. Throws Error:
  /// kInvalidArgument when the way is no folder.
  int open(std::string_view path);
  /// The folder when it is there; an empty Fd otherwise. `path` is not followed if it is a link
  /// itself.
  Fd find(const std::string& path) const;
  /// Forgets what is open: call when something that may be a folder or a link went away.
  void forget();

 private:
  Fd try_open(const std::string& path, int flags) const;
  Fd make(const std::string& path);

  struct Open {
    std::string path;
    Fd fd;
  };

  int root_;
  std::list<Open> recent_;  // used last, first
  std::unordered_map<std::string_view, std::list<Open>::iterator> by_path_;
};

}  // namespace berth::image
