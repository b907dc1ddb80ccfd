#include "daemon/image/gzip.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <libdeflate.h>

#include "common/error.hpp"

namespace berth::image {

namespace {

constexpr std::size_t kBlock = std::size_t{1} << 20U;
constexpr int kLevel = 6;
constexpr int kStored = 0;
/// Of a block, to see whether compressing it is worth the time.
constexpr std::size_t kSample = std::size_t{16} << 10U;

struct FreeCompressor {
  void operator()(libdeflate_compressor* compressor) const {
    libdeflate_free_compressor(compressor);
  }
};
using Compressor = std::unique_ptr<libdeflate_compressor, FreeCompressor>;

Compressor make_compressor(int level) {
  Compressor compressor(libdeflate_alloc_compressor(level));
  if (!compressor) throw Error(ErrorKind::kInternal, "no memory for a compressor");
  return compressor;
}

/// A thread's own.
class BlockCompressor {
 public:
  void compress(std::span<const std::byte> input, std::vector<std::byte>& output) {
    libdeflate_compressor* const chosen = is_incompressible(input) ? stored_.get() : packed_.get();
    output.resize(libdeflate_gzip_compress_bound(chosen, input.size()));
    const std::size_t size =
        libdeflate_gzip_compress(chosen, input.data(), input.size(), output.data(), output.size());
    if (size == 0) throw Error(ErrorKind::kInternal, "a layer cannot be compressed");
    output.resize(size);
  }

 private:
  /// Media and archives are packed already, and trying again costs most of all.
  bool is_incompressible(std::span<const std::byte> input) {
    if (input.size() < 4 * kSample) return false;
    for (const std::size_t part : {1U, 2U, 3U}) {
      const auto sample = input.subspan(input.size() / 4 * part - kSample / 2, kSample);
      const std::size_t size = libdeflate_deflate_compress(
          packed_.get(), sample.data(), sample.size(), scratch_.data(), scratch_.size());
      // Zero says that it did not even fit.
      if (size != 0) return false;
    }
    return true;
  }

  Compressor packed_ = make_compressor(kLevel);
  Compressor stored_ = make_compressor(kStored);
  /// What a sample must fit in to be called compressible.
  std::array<std::byte, kSample / 50 * 49> scratch_{};
};

}  // namespace

Gzip::Gzip(Sink sink, unsigned threads)
    : sink_(std::move(sink)), max_under_way_(std::size_t{2} * std::max(1U, threads)) {
  for (unsigned i = 0; i < std::max(1U, threads); ++i)
    threads_.emplace_back([this] { work(); });
}

Gzip::~Gzip() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  for (std::thread& thread : threads_)
    thread.join();
}

void Gzip::work() {
  BlockCompressor compressor;
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    const BlockPtr block = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      compressor.compress(block->input, block->output);
    } catch (...) {
      block->failure = std::current_exception();
    }
    lock.lock();
    block->done = true;
    changed_.notify_all();
  }
}

void Gzip::feed(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (!current_) {
      current_ = std::make_shared<Block>();
      current_->input.reserve(kBlock);
    }
    const std::size_t room = std::min(kBlock - current_->input.size(), bytes.size());
    const auto part = bytes.first(room);
    current_->input.insert(current_->input.end(), part.begin(), part.end());
    bytes = bytes.subspan(room);
    if (current_->input.size() == kBlock) submit();
  }
}

void Gzip::finish() {
  // A file of no members would be no gzip file.
  if (!current_ && blocks_ == 0) current_ = std::make_shared<Block>();
  if (current_) submit();
  drain(0);
}

void Gzip::submit() {
  ++blocks_;
  {
    const std::lock_guard lock(mutex_);
    under_way_.push_back(current_);
    waiting_.push_back(std::move(current_));
  }
  current_.reset();
  changed_.notify_all();
  drain(max_under_way_);
}

void Gzip::drain(std::size_t left) {
  std::unique_lock lock(mutex_);
  while (!under_way_.empty()) {
    if (!under_way_.front()->done) {
      if (under_way_.size() <= left) return;
      changed_.wait(lock, [this] { return under_way_.front()->done; });
    }
    const BlockPtr block = std::move(under_way_.front());
    under_way_.pop_front();
    lock.unlock();
    if (block->failure) std::rethrow_exception(block->failure);
    sink_(block->output);
    lock.lock();
  }
}

}  // namespace berth::image
