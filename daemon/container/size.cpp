#include "daemon/container/size.hpp"

#include <filesystem>
#include <variant>

#include <fcntl.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/log/log.hpp"
#include "daemon/storage/tree.hpp"

namespace berth::container {

namespace {

/// By its layers, since the image itself may be gone.
std::int64_t image_size(const Services& services, const ContainerId& container) {
  std::int64_t total = 0;
  ChainId chain = services.storage.top_of(container);
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
  auto walk = [folder] {
    const Fd opened = open_file(folder, O_RDONLY | O_DIRECTORY);
    return static_cast<std::int64_t>(storage::tree_size(opened.get()));
  };
  Sizes sizes;
  sizes.writable = co_await services.bulk.run(std::move(walk));
  sizes.root = sizes.writable;
  // A driver without copy-on-write keeps the image's files in the same folder.
  const std::int64_t image = image_size(services, container->id());
  if (overlay != nullptr) {
    sizes.root += image;
  } else {
    sizes.writable = std::max<std::int64_t>(0, sizes.writable - image);
  }
  co_return sizes;
}

Task<> add_sizes(Services& services, std::vector<api::ContainerSummary>& summaries) {
  for (api::ContainerSummary& summary : summaries) {
    const ContainerPtr container = services.index.find_by_id(ContainerId(summary.id));
    if (!container) continue;
    try {
      const Sizes sizes = co_await measure(services, container);
      summary.size_rw = sizes.writable;
      summary.size_root_fs = sizes.root;
    } catch (const Error& error) {
      // One that is being removed takes no room.
      log::debug("container {}: its size is unknown: {}", container->name, error.what());
    }
  }
}

}  // namespace berth::container
