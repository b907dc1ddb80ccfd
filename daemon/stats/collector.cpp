#include "daemon/stats/collector.hpp"

#include <algorithm>

#include "common/scope_guard.hpp"
#include "daemon/container/container.hpp"
#include "daemon/container/spec.hpp"
#include "daemon/stats/sample.hpp"

namespace berth::stats {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kInterval{1};

api::ContainerStats empty_sample(const container::Container& container) {
  api::ContainerStats sample;
  sample.name = "/" + container.name;
  sample.id = container.id().str();
  return sample;
}

}  // namespace

class Sampler : public std::enable_shared_from_this<Sampler> {
 public:
  Sampler(Collector& collector, container::ContainerPtr container)
      : collector_(collector),
        container_(std::move(container)),
        changed_(collector.services_.control),
        abandoned_(collector.services_.control) {}

  void join() {
    ++watchers_;
    abandoned_.reset();
  }
  void leave() {
    if (--watchers_ == 0) abandoned_.set();
  }

  std::uint64_t number() const noexcept { return number_; }

  /// The first sample behind `seen`, which is moved on to it; null at the end.
  Task<SamplePtr> after(std::uint64_t& seen) {
    while (number_ == seen && !ended_)
      co_await changed_.wait();
    if (number_ == seen) co_return nullptr;
    seen = number_;
    co_return latest_;
  }

  Task<> run() {
    const auto self = shared_from_this();
    ScopeGuard end([this] { finish(); });
    auto due = Clock::now();
    while (watchers_ > 0 && !container_->removed->settled()) {
      api::ContainerStats sample = co_await collector_.sample(container_);
      latest_ = std::make_shared<const api::ContainerStats>(std::move(sample));
      ++number_;
      wake();
      // Late samples do not make the next ones come in a row.
      due = std::max(due + kInterval, Clock::now());
      co_await abandoned_.wait_for(due - Clock::now());
    }
  }

 private:
  void wake() {
    changed_.set();
    changed_.reset();
  }

  void finish() {
    ended_ = true;
    wake();
    collector_.samplers_.erase(container_->id().str());
  }

  Collector& collector_;
  container::ContainerPtr container_;
  AsyncSignal changed_;
  AsyncSignal abandoned_;
  SamplePtr latest_;
  std::uint64_t number_ = 0;
  std::size_t watchers_ = 0;
  bool ended_ = false;
};

Watch::Watch(std::shared_ptr<Sampler> sampler)
    : sampler_(std::move(sampler)), seen_(sampler_->number()) {
  sampler_->join();
}

Watch::~Watch() {
  sampler_->leave();
}

Task<std::optional<api::ContainerStats>> Watch::next() {
  const SamplePtr taken = co_await sampler_->after(seen_);
  if (!taken) co_return std::nullopt;
  api::ContainerStats sample = *taken;
  if (previous_) {
    sample.precpu = previous_->cpu;
    sample.preread = previous_->read;
  }
  previous_ = taken;
  co_return sample;
}

Task<api::ContainerStats> Collector::sample(container::ContainerPtr container) {
  if (!container->state.is_running()) co_return empty_sample(*container);
  const int pid = container->state.pid;
  auto read = [layout = layout_, pid,
               path = container::cgroups_path(container->definition, services_.settings)] {
    return take_sample(runtime::Cgroup(layout, path), pid);
  };
  api::ContainerStats sample = co_await services_.fast.run(std::move(read));
  // What was read of one that ended meanwhile is of nothing, or of a later process of its number.
  if (container->state.pid != pid) co_return empty_sample(*container);
  sample.name = "/" + container->name;
  sample.id = container->id().str();
  co_return sample;
}

std::unique_ptr<Watch> Collector::watch(const container::ContainerPtr& container) {
  std::shared_ptr<Sampler>& sampler = samplers_[container->id().str()];
  if (sampler) return std::make_unique<Watch>(sampler);
  sampler = std::make_shared<Sampler>(*this, container);
  auto watch = std::make_unique<Watch>(sampler);
  services_.tasks.spawn("sampling " + container->name,
                        [sampler = sampler] { return sampler->run(); });
  return watch;
}

}  // namespace berth::stats
