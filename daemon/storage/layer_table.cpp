#include "daemon/storage/layer_table.hpp"

#include <utility>

#include "common/error.hpp"

namespace berth::storage {

void LayerTable::add(const ChainId& chain, LayerInfo info) {
  if (!info.parent.empty()) acquire(info.parent);
  layers_.insert_or_assign(chain, std::move(info));
  candidates_.insert(chain);
}

const LayerInfo* LayerTable::find(const ChainId& chain) const {
  const auto found = layers_.find(chain);
  return found == layers_.end() ? nullptr : &found->second;
}

std::vector<ChainId> LayerTable::stack(const ChainId& top) const {
  std::vector<ChainId> chains;
  for (ChainId chain = top; !chain.empty(); chain = find(chain)->parent) {
    // A damaged store must not make a ring.
    if (!contains(chain) || chains.size() > layers_.size()) {
      throw Error(ErrorKind::kNotFound, "the layer " + chain.str() + " is missing");
    }
    chains.push_back(chain);
  }
  return chains;
}

void LayerTable::release(const ChainId& chain) {
  const auto found = references_.find(chain);
  if (found == references_.end() || --found->second > 0) return;
  references_.erase(found);
  candidates_.insert(chain);
}

std::vector<ChainId> LayerTable::take_unneeded() {
  std::vector<ChainId> unneeded;
  while (!candidates_.empty()) {
    const ChainId chain = *candidates_.begin();
    candidates_.erase(candidates_.begin());
    const auto found = layers_.find(chain);
    if (found == layers_.end() || references_.contains(chain)) continue;
    const ChainId parent = found->second.parent;
    layers_.erase(found);
    unneeded.push_back(chain);
    if (!parent.empty()) release(parent);
  }
  return unneeded;
}

}  // namespace berth::storage
