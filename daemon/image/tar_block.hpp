// The blocks of 512 bytes that a tar archive's headers are (POSIX.1-2017, pax, "ustar Interchange
// Format"; tar(5) for the GNU forms). Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace berth::image {

inline constexpr std::size_t kTarBlock = 512;

/// What a header says that matters for finding the next one.
struct TarHeader {
  char type = '0';
  std::string name;
  std::uint64_t size = 0;
};

/// Nothing for a block whose checksum or size is none.
std::optional<TarHeader> parse_tar_header(std::span<const std::byte, kTarBlock> block);

bool is_zero_block(std::span<const std::byte, kTarBlock> block);

/// Bytes that fill content of `size` up to whole blocks.
constexpr std::uint64_t tar_padding(std::uint64_t size) {
  return (kTarBlock - size % kTarBlock) % kTarBlock;
}

/// A header for a file (mode 0644) or, for a name that ends with a slash, a folder (0755), of root.
/// `name` has 99 bytes at most.
std::string make_tar_header(std::string_view name, std::uint64_t size, std::int64_t seconds);

}  // namespace berth::image
