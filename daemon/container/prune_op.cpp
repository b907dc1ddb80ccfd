#include "daemon/container/prune_op.hpp"

#include "common/error.hpp"
#include "common/log/log.hpp"
#include "common/scope_guard.hpp"
#include "daemon/container/remove_op.hpp"
#include "daemon/container/size.hpp"

namespace berth::container {

namespace {

bool is_unneeded(const Container& container, const PruneFilter& filter) {
  return !container.state.is_active() && container.state.status != Status::kRemoving &&
         filter.matches(container.definition.config.labels, container.definition.created);
}

Task<> prune_one(Services& services, ContainerPtr container, api::ContainersPruned& pruned) {
  const Sizes sizes = co_await measure(services, container);
  // It may have been started while it was measured: remove() refuses then.
  co_await remove(services, container, false);
  pruned.deleted.push_back(container->id().str());
  pruned.space_reclaimed += static_cast<std::uint64_t>(sizes.writable);
}

}  // namespace

Task<api::ContainersPruned> prune(Services& services, PruneFilter filter) {
  if (services.pruning) {
    throw Error(ErrorKind::kConflict, "a prune operation is already running");
  }
  services.pruning = true;
  const ScopeGuard done([&services] { services.pruning = false; });
  api::ContainersPruned pruned;
  for (const ContainerPtr& container : services.index.all()) {
    if (!is_unneeded(*container, filter)) continue;
    try {
      co_await prune_one(services, container, pruned);
    } catch (const Error& error) {
      log::warn("pruning container {}: {}", container->name, error.what());
    }
  }
  services.events.publish("container", "prune", "",
                          {{"reclaimed", std::to_string(pruned.space_reclaimed)}});
  co_return pruned;
}

}  // namespace berth::container
