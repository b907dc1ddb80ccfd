#include "daemon/registry/transfer.hpp"

#include <algorithm>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <fcntl.h>

#include "common/file.hpp"

namespace berth::registry {

/// What both threads hold of a transfer. `cancel` is touched on the executor of transfers alone.
class Transfer::Work {
 public:
  Work(asio::any_io_executor executor, std::shared_ptr<Source> from, Descriptor what)
      : executor_(std::move(executor)),
        source_(std::move(from)),
        blob_(std::move(what)),
        file_(source_->options.temporary) {}

  static Task<> run(std::shared_ptr<Work> work) {
    co_await fetch_blob(*work->source_->session, work->blob_, work->file_, work->source_->options);
    work->source_.reset();
  }

  static void cancel(const std::shared_ptr<Work>& work) {
    asio::post(work->executor_, [work] { work->cancel_.emit(asio::cancellation_type::terminal); });
  }

  std::uint64_t received() const noexcept { return file_.size(); }
  Fd open() const { return file_.open_again(); }
  const Descriptor& blob() const { return blob_; }
  asio::cancellation_slot slot() { return cancel_.slot(); }

 private:
  asio::any_io_executor executor_;
  std::shared_ptr<Source> source_;
  Descriptor blob_;
  BlobFile file_;
  asio::cancellation_signal cancel_;
};

Transfer::Transfer(asio::any_io_executor control, std::shared_ptr<Work> work)
    : work_(std::move(work)), done_(std::move(control)) {}

Transfer::~Transfer() {
  if (started_ && !done_.is_set()) Work::cancel(work_);
}

std::uint64_t Transfer::received() const noexcept {
  return work_->received();
}

Task<bool> Transfer::wait_for(std::chrono::nanoseconds timeout) {
  return done_.wait_for(timeout);
}

Fd Transfer::open() const {
  if (failure_) std::rethrow_exception(failure_);
  return work_->open();
}

struct Transfers::Core : std::enable_shared_from_this<Transfers::Core> {
  Core(asio::any_io_executor on_control, asio::any_io_executor on_transfers, unsigned max_active)
      : control(std::move(on_control)),
        transfers(std::move(on_transfers)),
        limit(std::max(1U, max_active)) {}

  asio::any_io_executor control;
  asio::any_io_executor transfers;
  unsigned limit;
  unsigned active = 0;
  std::unordered_map<Digest, std::weak_ptr<Transfer>> by_digest;
  std::deque<std::weak_ptr<Transfer>> waiting;

  void start_waiting() {
    while (active < limit && !waiting.empty()) {
      const auto next = waiting.front().lock();
      waiting.pop_front();
      if (next) start(next);
    }
  }

  void start(const std::shared_ptr<Transfer>& transfer) {
    ++active;
    transfer->started_ = true;
    // Through the executor of transfers, because the slot belongs to it.
    asio::post(transfers, [self = shared_from_this(), work = transfer->work_,
                           handle = std::weak_ptr(transfer)] {
      asio::co_spawn(
          self->transfers, Transfer::Work::run(work),
          asio::bind_cancellation_slot(
              work->slot(),
              asio::bind_executor(self->control, [self, work, handle](std::exception_ptr failure) {
                self->ended(*work, handle.lock(), std::move(failure));
              })));
    });
  }

  void ended(const Transfer::Work& work, const std::shared_ptr<Transfer>& transfer,
             std::exception_ptr failure) {
    --active;
    forget(work.blob().digest, transfer);
    if (transfer) {
      transfer->failure_ = std::move(failure);
      transfer->done_.set();
    }
    start_waiting();
  }

  /// A dropped transfer's place may have been taken by a later one of the same digest.
  void forget(const Digest& digest, const std::shared_ptr<Transfer>& transfer) {
    const auto found = by_digest.find(digest);
    if (found == by_digest.end()) return;
    const auto current = found->second.lock();
    if (!current || current == transfer) by_digest.erase(found);
  }
};

Transfers::Transfers(asio::any_io_executor control, asio::any_io_executor transfers,
                     const Options& options)
    : core_(std::make_shared<Core>(std::move(control), std::move(transfers),
                                   options.max_concurrent_downloads)) {}
Transfers::~Transfers() = default;

Transfers::Joined Transfers::join(std::shared_ptr<Source> source, const Descriptor& blob) {
  // What was dropped before its turn left its name behind.
  std::erase_if(core_->by_digest, [](const auto& known) { return known.second.expired(); });
  auto& entry = core_->by_digest[blob.digest];
  if (auto existing = entry.lock(); existing && existing->work_->blob().size == blob.size) {
    return {std::move(existing), true};
  }
  auto work = std::make_shared<Transfer::Work>(core_->transfers, std::move(source), blob);
  auto transfer = std::make_shared<Transfer>(core_->control, std::move(work));
  entry = transfer;
  core_->waiting.push_back(transfer);
  core_->start_waiting();
  return {std::move(transfer), false};
}

}  // namespace berth::registry
