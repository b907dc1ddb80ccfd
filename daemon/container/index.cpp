#include "daemon/container/index.hpp"

#include <algorithm>

#include "common/error.hpp"
#include "common/text.hpp"
#include "daemon/container/container.hpp"

namespace berth::container {

Index::NameReservation::NameReservation(NameReservation&& other) noexcept
    : index_(std::exchange(other.index_, nullptr)), name_(std::move(other.name_)) {}

Index::NameReservation::~NameReservation() {
  if (index_ != nullptr) index_->names_.erase(name_);
}

Index::NameReservation Index::reserve(std::string name, const ContainerId& id) {
  const auto [holder, inserted] = names_.emplace(name, id);
  if (!inserted) {
    throw Error(ErrorKind::kConflict,
                "Conflict. The container name \"/" + name + "\" is already in use by container \"" +
                    holder->second.str() +
                    "\". You have to remove (or rename) that container to be able to "
                    "reuse that name.");
  }
  return {*this, std::move(name)};
}

void Index::add(ContainerPtr container) {
  names_[container->name] = container->id();
  by_id_.emplace(container->id().str(), std::move(container));
}

void Index::rename(Container& container, const std::string& name) {
  names_.erase(container.name);
  container.name = name;
}

void Index::remove(const Container& container) {
  names_.erase(container.name);
  by_id_.erase(container.id().str());
}

ContainerPtr Index::find_by_id(const ContainerId& id) const {
  const auto found = by_id_.find(id.str());
  return found == by_id_.end() ? nullptr : found->second;
}

ContainerPtr Index::find(std::string_view reference) const {
  if (const auto found = by_id_.find(reference); found != by_id_.end()) return found->second;
  const std::string name(reference.substr(reference.starts_with('/') ? 1 : 0));
  if (const auto named = names_.find(name); named != names_.end()) {
    // A name whose container is still being created names nothing yet.
    if (ContainerPtr container = find_by_id(named->second)) return container;
  }
  if (!reference.empty() && is_lower_hex(reference)) {
    const auto first = by_id_.lower_bound(reference);
    if (first != by_id_.end() && first->first.starts_with(reference)) {
      const auto second = std::next(first);
      if (second == by_id_.end() || !second->first.starts_with(reference)) return first->second;
      throw Error(ErrorKind::kInvalidArgument,
                  "multiple IDs found with provided prefix: " + std::string(reference));
    }
  }
  throw Error(ErrorKind::kNotFound, "No such container: " + std::string(reference));
}

std::vector<ContainerPtr> Index::all() const {
  std::vector<ContainerPtr> containers;
  containers.reserve(by_id_.size());
  for (const auto& [id, container] : by_id_)
    containers.push_back(container);
  return containers;
}

}  // namespace berth::container
