#include "daemon/log/tail.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include <sys/stat.h>
#include <unistd.h>

#include "common/error.hpp"
#include "daemon/log/local_codec.hpp"
#include "daemon/log/window.hpp"

namespace berth::logs {

namespace {

constexpr std::size_t kBlock = std::size_t{64} * 1024;

std::size_t read_at(const Source& source, char* into, std::size_t size, off_t offset) {
  return static_cast<std::size_t>(
      check_errno(::pread(source.fd(), into, size, offset), "pread", "log"));
}

off_t size_of(const Source& source) {
  struct stat status{};
  check_errno(::fstat(source.fd(), &status), "fstat", "log");
  return status.st_size;
}

/// Passes over entries from the front, at most `most`.
Tail pass(Source& source, const Codec& codec, std::size_t most) {
  source.seek(0);
  Window window;
  Tail passed;
  while (passed.entries < most) {
    const Found found = codec.measure(window.view());
    if (found.kind == Found::Kind::kIncomplete) {
      if (window.is_overfull() || !window.fill(source)) break;
      continue;
    }
    if (found.kind == Found::Kind::kBroken) break;
    window.consume(found.length);
    passed.offset += static_cast<off_t>(found.length);
    ++passed.entries;
  }
  return passed;
}

Tail find_from_front(Source& source, const Codec& codec, std::size_t entries) {
  const std::size_t all = pass(source, codec, SIZE_MAX).entries;
  const std::size_t wanted = std::min(entries, all);
  return {pass(source, codec, all - wanted).offset, wanted};
}

/// Line ends, counted from the back. What is behind the last one is no line yet.
Tail find_lines(const Source& source, std::size_t lines) {
  const auto block = std::make_unique_for_overwrite<char[]>(kBlock);
  std::size_t ends = 0;
  for (off_t end = size_of(source); end > 0;) {
    const off_t start = std::max<off_t>(end - static_cast<off_t>(kBlock), 0);
    std::size_t left = read_at(source, block.get(), static_cast<std::size_t>(end - start), start);
    while (const void* at = ::memrchr(block.get(), '\n', left)) {
      left = static_cast<std::size_t>(static_cast<const char*>(at) - block.get());
      if (++ends > lines) return {start + static_cast<off_t>(left) + 1, lines};
    }
    end = start;
  }
  return {0, ends};
}

/// By the sizes behind the entries; nothing where they do not fit together, as at the end of a file
/// that is just being written.
std::optional<Tail> find_sized(const Source& source, std::size_t entries) {
  constexpr auto kSize = static_cast<off_t>(kLocalSize);
  std::array<char, kLocalSize> bytes{};
  Tail tail{size_of(source), 0};
  const auto size_at = [&](off_t offset) -> std::optional<std::size_t> {
    if (offset < 0 || read_at(source, bytes.data(), bytes.size(), offset) != bytes.size())
      return std::nullopt;
    return local_size({bytes.data(), bytes.size()});
  };
  while (tail.offset > 0 && tail.entries < entries) {
    const auto size = size_at(tail.offset - kSize);
    if (!size || *size > kLocalMost) return std::nullopt;
    const off_t begin = tail.offset - 2 * kSize - static_cast<off_t>(*size);
    if (size_at(begin) != size) return std::nullopt;
    tail.offset = begin;
    ++tail.entries;
  }
  return tail;
}

}  // namespace

Tail find_tail(Source& source, Format format, std::size_t entries) {
  if (!source.is_compressed()) {
    if (format == Format::kJson) return find_lines(source, entries);
    if (const auto tail = find_sized(source, entries)) return *tail;
  }
  return find_from_front(source, codec_for(format), entries);
}

}  // namespace berth::logs
