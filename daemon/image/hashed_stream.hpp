// Reads, decompresses and hashes a stream on a thread of its own, ahead of the thread that uses it:
// hashing a layer and writing its files take about as long as each other.
#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "common/crypto/sha256.hpp"
#include "daemon/image/byte_reader.hpp"

namespace berth::image {

/// Made and used by one thread, which is not the one that reads.
class HashedStream : public ByteReader {
 public:
  /// Starts to read what `open` returns; `open` runs on the stream's thread.
  explicit HashedStream(std::function<std::unique_ptr<ByteReader>()> open);
  /// Stops reading.
  ~HashedStream() override;
  HashedStream(const HashedStream&) = delete;
  HashedStream& operator=(const HashedStream&) = delete;

  /// Throws what reading threw.
  std::span<const std::byte> next() override;
  /// Reads on to the end. The digest of the whole content. Throws what reading threw.
  Digest finish();

 private:
  using Block = std::vector<std::byte>;

  void run(const std::function<std::unique_ptr<ByteReader>()>& open);
  void pump(ByteReader& source, Sha256& hash);
  std::optional<Block> wait_for_room();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Block> full_;
  std::vector<Block> spare_;
  bool ended_ = false;
  bool stopped_ = false;
  std::exception_ptr failure_;
  Digest digest_;
  Block current_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace berth::image
