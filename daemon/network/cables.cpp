#include "daemon/network/cables.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

namespace berth::network {

namespace {

constexpr std::chrono::seconds kPatience{1};

}  // namespace

Task<> Cables::lay(Cable cable, Fd network_namespace) {
  const std::string address = cable.address.address.str();
  const bool in_the_way = std::any_of(uncut_.begin(), uncut_.end(), [&address](const auto& entry) {
    return entry.second == address;
  });
  if (in_the_way) co_await cut_all();
  AsyncMutex& lane = laying_[next_lane_++ % std::size(laying_)];
  const auto lock = co_await lane.lock();
  auto job = [cable = std::move(cable), there = std::move(network_namespace)] {
    lay_cable(cable, there.get());
  };
  co_await pool_.run(std::move(job));
}

void Cables::drop(const std::string& name, const std::string& address) {
  uncut_.insert_or_assign(name, address);
  tasks_.spawn("remove the interface " + name, [this, name] { return finish(name); });
}

/// All that wait, at once; whoever comes second finds nothing left to do.
Task<> Cables::cut_all() {
  const auto lock = co_await cutting_.lock();
  if (uncut_.empty()) co_return;
  std::vector<std::string> names;
  names.reserve(uncut_.size());
  for (const auto& [name, address] : uncut_)
    names.push_back(name);
  auto job = [names] { cut_cables(names); };
  co_await pool_.run(std::move(job));
  for (const std::string& name : names)
    uncut_.erase(name);
}

Task<> Cables::finish(std::string name) {
  co_await cut_all();
  if (co_await stopping_.wait_for(kPatience)) co_return;
  co_await remove({1, name});
}

Task<> Cables::clear(std::vector<std::string> names) {
  auto job = [names] { cut_cables(names); };
  co_await pool_.run(std::move(job));
  tasks_.spawn("remove interfaces that were left",
               [this, names = std::move(names)] { return remove(names); });
}

Task<> Cables::remove(std::vector<std::string> names) {
  auto job = [names = std::move(names)] { remove_cables(names); };
  co_await pool_.run(std::move(job));
}

Task<> Cables::stop() {
  stopping_.set();
  co_await tasks_.close();
}

}  // namespace berth::network
