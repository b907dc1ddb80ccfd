// Finds containers by id, name or the beginning of an id. Control thread.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "common/ids.hpp"

namespace berth::container {

class Container;
using ContainerPtr = std::shared_ptr<Container>;

class Index {
 public:
  /// A name held for a container that is being created; given back unless keep() is called.
  class [[nodiscard]] NameReservation {
   public:
    NameReservation(Index& index, std::string name) : index_(&index), name_(std::move(name)) {}
    NameReservation(NameReservation&& other) noexcept;
    NameReservation& operator=(NameReservation&&) = delete;
    NameReservation(const NameReservation&) = delete;
    NameReservation& operator=(const NameReservation&) = delete;
    ~NameReservation();
    const std::string& name() const noexcept { return name_; }
    void keep() noexcept { index_ = nullptr; }

   private:
    Index* index_;
    std::string name_;
  };

  /// Throws Error{kConflict} with the holder's id, in the words that users' scripts look for.
  NameReservation reserve(std::string name, const ContainerId& id);
  bool is_taken(std::string_view name) const { return names_.contains(std::string(name)); }

  /// Under the new name, which must be reserved already; the old one is free then.
  void rename(Container& container, const std::string& name);

  /// The container's name must be reserved already.
  void add(ContainerPtr container);
  void remove(const Container& container);

  /// By full id, name (a leading slash is allowed) or unique beginning of an id, in this order.
  /// Throws Error{kNotFound} `No such container: x` or Error{kConflict} when several ids begin so.
  ContainerPtr find(std::string_view reference) const;
  /// The same, but null where nothing is found.
  ContainerPtr find_by_id(const ContainerId& id) const;

  std::vector<ContainerPtr> all() const;
  std::size_t size() const noexcept { return by_id_.size(); }

 private:
  std::map<std::string, ContainerPtr, std::less<>> by_id_;  // ordered: a prefix is a range
  std::unordered_map<std::string, ContainerId> names_;
};

}  // namespace berth::container
