// A stream of bytes that is read where blocking is allowed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "common/fd.hpp"

namespace berth::image {

class ByteReader {
 public:
  virtual ~ByteReader() = default;
  /// Some bytes, good until the next call; empty at the end. Throws Error.
  virtual std::span<const std::byte> next() = 0;
};

/// Reads a file from where it stands to its end.
class FileReader : public ByteReader {
 public:
  explicit FileReader(Fd file);
  std::span<const std::byte> next() override;

 private:
  Fd file_;
  std::vector<std::byte> buffer_;
};

/// True for the first bytes of gzip, zstd, xz and bzip2.
bool is_compressed(std::span<const std::byte> beginning);

/// The uncompressed content of `source`, whatever its compression: none, gzip, zstd, xz or bzip2.
/// Throws Error{kInvalidArgument} when the data is damaged.
std::unique_ptr<ByteReader> decompress(std::unique_ptr<ByteReader> source);

}  // namespace berth::image
