#include "daemon/image/outgoing.hpp"

#include "daemon/image/tar_recipe.hpp"

namespace berth::image {

Task<OutgoingImage> read_outgoing(const ImageStore& store, storage::Driver& storage,
                                  BlockingPool& fast, ImagePtr image) {
  OutgoingImage outgoing;
  outgoing.image = image;
  const ConfigDocument& document = image->document;
  if (!document.chains.empty()) outgoing.hold = storage.hold(document.top());
  for (std::size_t index = 0; index < document.chains.size(); ++index) {
    const ChainId& chain = document.chains[index];
    outgoing.layers.push_back({document.diff_ids[index], chain, 0, storage.place(chain)});
  }
  auto measure = [&layers = outgoing.layers] {
    for (OutgoingLayer& layer : layers)
      layer.size = tar_size(layer.place);
  };
  co_await fast.run(std::move(measure));
  outgoing.config = co_await store.read_blob(Digest(image->id.str()));
  co_return outgoing;
}

}  // namespace berth::image
