// Samples of what containers use. A container that somebody watches has one sampler, shared by all
// its watchers, that takes a sample a second; nothing runs for a container that nobody watches.
// Control thread; the reading is on the fast pool.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "api/stats.hpp"
#include "daemon/container/services.hpp"
#include "daemon/runtime/cgroup.hpp"

namespace berth::stats {

class Sampler;
using SamplePtr = std::shared_ptr<const api::ContainerStats>;

/// Keeps the container's sampler going while it exists.
class Watch {
 public:
  explicit Watch(std::shared_ptr<Sampler> sampler);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

  /// The next sample that is taken, with the one that this watcher got before as its `precpu`.
  /// A watcher that is slow misses samples. Nothing once the container was removed. Throws
  /// boost::system::system_error(operation_aborted) when the waiting coroutine is cancelled.
  Task<std::optional<api::ContainerStats>> next();

 private:
  std::shared_ptr<Sampler> sampler_;
  std::uint64_t seen_;
  SamplePtr previous_;
};

class Collector {
 public:
  /// Both must outlive it.
  Collector(container::Services& services, std::shared_ptr<const runtime::CgroupLayout> layout)
      : services_(services), layout_(std::move(layout)) {}
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;

  /// A sample taken now; of a container that does not run nothing but its names.
  Task<api::ContainerStats> sample(container::ContainerPtr container);

  std::unique_ptr<Watch> watch(const container::ContainerPtr& container);

  /// Samplers at work.
  std::size_t running() const noexcept { return samplers_.size(); }

 private:
  friend class Sampler;

  container::Services& services_;
  std::shared_ptr<const runtime::CgroupLayout> layout_;
  std::map<std::string, std::shared_ptr<Sampler>> samplers_;  // by container id
};

}  // namespace berth::stats
