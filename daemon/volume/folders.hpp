// The volumes' folders: <data-root>/volumes/<name>/_data. Everything here blocks.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace berth::volume {

class Folders {
 public:
  /// Makes the folder of all volumes. Throws Error.
  explicit Folders(std::filesystem::path root);

  std::filesystem::path data(const std::string& name) const { return root_ / name / "_data"; }

  /// Of volumes that are there; and clears what a removal left that was interrupted.
  std::vector<std::string> scan() const;

  /// Durable; goes on where an earlier attempt ended. Throws Error.
  void make(const std::string& name) const;

  /// Durable: takes the name away in one step and then the files. Throws Error.
  void remove(const std::string& name) const;

  /// Bytes on the disk, each file once however many names it has.
  std::uint64_t size(const std::string& name) const;

 private:
  std::filesystem::path root_;
};

}  // namespace berth::volume
