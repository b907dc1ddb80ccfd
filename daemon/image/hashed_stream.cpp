#include "daemon/image/hashed_stream.hpp"

#include <algorithm>
#include <utility>

namespace berth::image {

namespace {
// Enough to even out bursts, and little enough for many layers at once.
constexpr std::size_t kBlockSize = std::size_t{256} << 10U;
constexpr std::size_t kMaxBlocks = 8;
}  // namespace

HashedStream::HashedStream(std::function<std::unique_ptr<ByteReader>()> open)
    : thread_([this, open = std::move(open)] { run(open); }) {}

HashedStream::~HashedStream() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void HashedStream::run(const std::function<std::unique_ptr<ByteReader>()>& open) {
  Sha256 hash;
  std::exception_ptr failure;
  try {
    const auto source = decompress(open());
    pump(*source, hash);
  } catch (...) {
    failure = std::current_exception();
  }
  {
    const std::lock_guard lock(mutex_);
    failure_ = failure;
    digest_ = hash.finish();
    ended_ = true;
  }
  changed_.notify_all();
}

void HashedStream::pump(ByteReader& source, Sha256& hash) {
  for (auto data = source.next(); !data.empty(); data = source.next()) {
    // In small parts, so that the other side works on what is still in the cache.
    while (!data.empty()) {
      const auto part = data.first(std::min(data.size(), kBlockSize));
      data = data.subspan(part.size());
      std::optional<Block> block = wait_for_room();
      if (!block) return;
      block->assign(part.begin(), part.end());
      hash.update(part);
      {
        const std::lock_guard lock(mutex_);
        full_.push_back(std::move(*block));
      }
      changed_.notify_all();
    }
  }
}

std::optional<HashedStream::Block> HashedStream::wait_for_room() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || full_.size() < kMaxBlocks; });
  if (stopped_) return std::nullopt;
  if (spare_.empty()) return Block();
  Block block = std::move(spare_.back());
  spare_.pop_back();
  return block;
}

std::span<const std::byte> HashedStream::next() {
  std::unique_lock lock(mutex_);
  if (current_.capacity() > 0) spare_.push_back(std::move(current_));
  current_ = Block();
  changed_.wait(lock, [this] { return ended_ || !full_.empty(); });
  if (full_.empty()) {
    if (failure_) std::rethrow_exception(failure_);
    return {};
  }
  current_ = std::move(full_.front());
  full_.pop_front();
  lock.unlock();
  changed_.notify_all();
  return current_;
}

Digest HashedStream::finish() {
  while (!next().empty()) {
  }
  const std::lock_guard lock(mutex_);
  return digest_;
}

}  // namespace berth::image
