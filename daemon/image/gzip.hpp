// gzip on several threads, for layers on their way to a registry.
//
// libdeflate compresses a buffer at a time, three to five times as fast as zlib at the same size of
// the result; its buffers become members of one gzip file, which may follow each other (RFC 1952,
// 2.2). The same input always gives the same output: a layer's compressed digest stays.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

namespace berth::image {

class Gzip {
 public:
  /// Gets the compressed bytes in order, on the thread that calls feed() and finish().
  using Sink = std::function<void(std::span<const std::byte>)>;

  /// `threads` compress beside the caller's. Throws Error.
  Gzip(Sink sink, unsigned threads);
  /// Drops what was not finished.
  ~Gzip();
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  /// Throws what the sink throws.
  void feed(std::span<const std::byte> bytes);
  /// After the last byte.
  void finish();

 private:
  struct Block {
    std::vector<std::byte> input;
    std::vector<std::byte> output;
    bool done = false;
    std::exception_ptr failure;
  };
  using BlockPtr = std::shared_ptr<Block>;

  void work();
  void submit();
  /// Hands on finished blocks from the front; waits until at most `left` are under way.
  void drain(std::size_t left);

  Sink sink_;
  std::size_t max_under_way_;
  BlockPtr current_;
  std::size_t blocks_ = 0;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<BlockPtr> waiting_;    // for a thread
  std::deque<BlockPtr> under_way_;  // in the order of the input
  bool stopped_ = false;
  std::vector<std::thread> threads_;  // last: they use all of the above
};

}  // namespace berth::image
