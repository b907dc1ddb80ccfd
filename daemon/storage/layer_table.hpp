// Who needs which layer: images and imports by their holds, containers by their writables, layers
// by standing on them. Control thread.
#pragma once

#include <cstddef>
#include <functional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "daemon/storage/driver.hpp"

namespace berth::storage {

class LayerTable {
 public:
  /// The layer needs its parent from now on; the parent may come later.
  void add(const ChainId& chain, LayerInfo info);
  bool contains(const ChainId& chain) const { return layers_.contains(chain); }
  /// Null when there is none.
  const LayerInfo* find(const ChainId& chain) const;
  std::size_t size() const noexcept { return layers_.size(); }
  /// The layer and all below it, top first. Throws Error{kNotFound} when one is missing.
  std::vector<ChainId> stack(const ChainId& top) const;

  void acquire(const ChainId& chain) { ++references_[chain]; }
  void release(const ChainId& chain);
  /// Forgets the layers that nobody needs, and returns them, upper ones first.
  std::vector<ChainId> take_unneeded();

 private:
  std::unordered_map<ChainId, LayerInfo> layers_;
  std::unordered_map<ChainId, std::size_t> references_;
  /// May hold some that are needed again.
  std::unordered_set<ChainId> candidates_;
};

}  // namespace berth::storage
