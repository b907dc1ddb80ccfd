#include "daemon/registry/transfer.hpp"

#include <algorithm>

namespace berth::registry {

/// What the two threads share of a transfer.
class Transfer::Work {
 public:
  Work(std::shared_ptr<Source> from, Descriptor what)
      : source_(std::move(from)), blob_(std::move(what)), file_(source_->options.temporary) {}

  static Task<> run(std::shared_ptr<Work> work) {
    co_await fetch_blob(*work->source_->session, work->blob_, work->file_, work->source_->options);
    work->source_.reset();
  }

  std::uint64_t received() const noexcept { return file_.size(); }
  Fd open() const { return file_.open_again(); }
  const Descriptor& blob() const { return blob_; }

 private:
  std::shared_ptr<Source> source_;
  Descriptor blob_;
  BlobFile file_;
};

Transfer::Transfer(const asio::any_io_executor& control, std::shared_ptr<Work> work)
    : work_(std::move(work)), done_(control) {}

Transfer::~Transfer() {
  if (!done_.is_set()) task_.cancel();
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
  Core(Remote bridge, unsigned max_active)
      : remote(std::move(bridge)), limit(std::max(1U, max_active)) {}

  Remote remote;
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
    transfer->task_ =
        remote.start(Transfer::Work::run(transfer->work_),
                     [self = shared_from_this(), digest = transfer->work_->blob().digest,
                      handle = std::weak_ptr(transfer)](std::exception_ptr failure) {
                       self->ended(digest, handle.lock(), std::move(failure));
                     });
  }

  void ended(const Digest& digest, const std::shared_ptr<Transfer>& transfer,
             std::exception_ptr failure) {
    --active;
    forget(digest, transfer);
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

Transfers::Transfers(Remote remote, unsigned max_concurrent)
    : core_(std::make_shared<Core>(std::move(remote), max_concurrent)) {}
Transfers::~Transfers() = default;

Transfers::Joined Transfers::join(std::shared_ptr<Source> source, const Descriptor& blob) {
  // What was dropped before its turn left its name behind.
  std::erase_if(core_->by_digest, [](const auto& known) { return known.second.expired(); });
  auto& entry = core_->by_digest[blob.digest];
  if (auto existing = entry.lock(); existing && existing->work_->blob().size == blob.size) {
    return {std::move(existing), true};
  }
  auto work = std::make_shared<Transfer::Work>(std::move(source), blob);
  auto transfer = std::make_shared<Transfer>(core_->remote.control(), std::move(work));
  entry = transfer;
  core_->waiting.push_back(transfer);
  core_->start_waiting();
  return {std::move(transfer), false};
}

}  // namespace berth::registry
