#include "daemon/storage/overlay2.hpp"

#include <sys/stat.h>

#include "common/error.hpp"

namespace berth::storage {

namespace {

std::string joined(const std::vector<std::filesystem::path>& paths) {
  std::string text;
  for (const auto& path : paths) {
    if (!text.empty()) text += ':';
    text += path.native();
  }
  return text;
}

}  // namespace

void Overlay2Driver::prepare_writable(int folder) const {
  check_errno(::mkdirat(folder, "work", 0700), "mkdirat", "work");
}

std::vector<std::filesystem::path> Overlay2Driver::lower_folders(const ChainId& top) const {
  std::vector<std::filesystem::path> folders;
  for (const ChainId& chain : layers().stack(top))
    folders.push_back(layer_diff(chain));
  if (folders.empty()) folders.push_back(empty_folder_path());
  return folders;
}

RootfsMount Overlay2Driver::rootfs(const ContainerId& id) const {
  const std::filesystem::path folder = writable_folder(id);
  return OverlayMount{lower_folders(top_of(id)), folder / "diff", folder / "work"};
}

std::map<std::string, std::string> Overlay2Driver::describe(const ContainerId& id) const {
  const std::filesystem::path folder = writable_folder(id);
  return {{"LowerDir", joined(lower_folders(top_of(id)))},
          {"UpperDir", (folder / "diff").native()},
          {"WorkDir", (folder / "work").native()}};
}

std::map<std::string, std::string> Overlay2Driver::describe(const ChainId& chain) const {
  if (chain.empty()) return {};
  std::map<std::string, std::string> data{{"UpperDir", layer_diff(chain).native()}};
  const ChainId& parent = layer(chain).parent;
  if (!parent.empty()) data.emplace("LowerDir", joined(lower_folders(parent)));
  return data;
}

}  // namespace berth::storage
