#include "daemon/container/size.hpp"

#include <filesystem>
#include <set>
#include <utility>
#include <variant>

#include <sys/stat.h>

namespace berth::container {

namespace {

std::int64_t tree_size(const std::filesystem::path& root) {
  std::int64_t total = 0;
  std::set<std::pair<dev_t, ino_t>> linked;  // a file with several names counts once
  std::error_code error;
  auto entry = std::filesystem::recursive_directory_iterator(root, error);
  for (; !error && entry != std::filesystem::recursive_directory_iterator();
       entry.increment(error)) {
    struct stat status{};
    // What vanishes meanwhile is not counted.
    if (::lstat(entry->path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (status.st_nlink > 1 && !linked.emplace(status.st_dev, status.st_ino).second) continue;
    total += status.st_size;
  }
  return total;
}

std::int64_t image_size(const Services& services, const std::string& image_id) {
  std::int64_t total = 0;
  ChainId chain = services.images.resolve(image_id).top;
  while (!chain.empty()) {
    const storage::LayerInfo& layer = services.storage.layer(chain);
    total += static_cast<std::int64_t>(layer.size);
    chain = layer.parent;
  }
  return total;
}

}  // namespace

Task<Sizes> measure(Services& services, ContainerPtr container) {
  const storage::RootfsMount mount = services.storage.rootfs(container->id());
  const auto* overlay = std::get_if<storage::OverlayMount>(&mount);
  const std::filesystem::path folder =
      overlay != nullptr ? overlay->upper : std::get<storage::BindMount>(mount).path;
  auto walk = [folder] { return tree_size(folder); };
  Sizes sizes;
  sizes.writable = co_await services.bulk.run(std::move(walk));
  sizes.root = sizes.writable;
  // A driver without copy-on-write keeps the image's files in the same folder.
  const std::int64_t image = image_size(services, container->definition.image_id);
  if (overlay != nullptr) {
    sizes.root += image;
  } else {
    sizes.writable = std::max<std::int64_t>(0, sizes.writable - image);
  }
  co_return sizes;
}

}  // namespace berth::container
