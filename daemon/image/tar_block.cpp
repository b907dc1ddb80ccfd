#include "daemon/image/tar_block.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace berth::image {

namespace {

struct Field {
  std::size_t offset;
  std::size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kTime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr std::size_t kType = 156;
constexpr Field kMagic{257, 8};
constexpr Field kPrefix{345, 155};

using Block = std::span<const std::byte, kTarBlock>;

std::string_view text_of(Block block, Field field) {
  const char* const begin = reinterpret_cast<const char*>(block.data()) + field.offset;
  return {begin, ::strnlen(begin, field.size)};
}

/// Octal digits between spaces and zeros, or GNU's binary form.
std::optional<std::uint64_t> number_of(Block block, Field field) {
  const auto bytes = block.subspan(field.offset, field.size);
  std::uint64_t value = 0;
  if ((bytes.front() & std::byte{0x80}) != std::byte{0}) {
    // Only what fits 63 bits, and nothing negative.
    if (bytes.front() != std::byte{0x80}) return std::nullopt;
    for (const std::byte byte : bytes.subspan(1)) {
      if (value >> 55U != 0) return std::nullopt;
      value = value << 8U | static_cast<std::uint64_t>(byte);
    }
    return value;
  }
  std::string_view text = text_of(block, field);
  while (text.starts_with(' '))
    text.remove_prefix(1);
  while (text.ends_with(' '))
    text.remove_suffix(1);
  for (const char digit : text) {
    if (digit < '0' || digit > '7') return std::nullopt;
    value = value * 8 + static_cast<std::uint64_t>(digit - '0');
  }
  return value;
}

bool is_checked(Block block) {
  const auto expected = number_of(block, kChecksum);
  if (!expected) return false;
  // Its own field counts as spaces; old programs added signed bytes.
  std::int64_t plain = 0;
  std::int64_t with_sign = 0;
  for (std::size_t index = 0; index < block.size(); ++index) {
    const bool own = index >= kChecksum.offset && index < kChecksum.offset + kChecksum.size;
    const auto byte =
        own ? static_cast<unsigned char>(' ') : static_cast<unsigned char>(block[index]);
    plain += byte;
    with_sign += static_cast<signed char>(byte);
  }
  const auto sum = static_cast<std::int64_t>(*expected);
  return plain == sum || with_sign == sum;
}

void put_text(std::string& block, Field field, std::string_view text) {
  block.replace(field.offset, text.size(), text);
}

void put_octal(std::string& block, Field field, std::uint64_t value) {
  std::array<char, 24> digits{};
  const int length =
      std::snprintf(digits.data(), digits.size(), "%0*llo", static_cast<int>(field.size - 1),
                    static_cast<unsigned long long>(value));
  put_text(block, field, {digits.data(), static_cast<std::size_t>(length)});
}

void put_size(std::string& block, std::uint64_t size) {
  constexpr std::uint64_t kOctalLimit = std::uint64_t{1} << 33U;
  if (size < kOctalLimit) {
    put_octal(block, kSize, size);
    return;
  }
  block[kSize.offset] = static_cast<char>(0x80);
  for (std::size_t index = 0; index < 8; ++index) {
    block[kSize.offset + kSize.size - 1 - index] =
        static_cast<char>(static_cast<unsigned char>(size >> 8U * index));
  }
}

}  // namespace

bool is_zero_block(Block block) {
  return std::all_of(block.begin(), block.end(),
                     [](std::byte byte) { return byte == std::byte{0}; });
}

std::optional<TarHeader> parse_tar_header(Block block) {
  if (!is_checked(block)) return std::nullopt;
  const auto size = number_of(block, kSize);
  if (!size) return std::nullopt;
  TarHeader header;
  header.type = static_cast<char>(block[kType]);
  header.size = *size;
  header.name = text_of(block, kName);
  // In GNU's form ("ustar  ") other things stand in the place of the prefix.
  const std::string_view magic = text_of(block, kMagic);
  const std::string_view prefix = text_of(block, kPrefix);
  if (magic == "ustar" && !prefix.empty()) header.name = std::string(prefix) + "/" + header.name;
  return header;
}

std::string make_tar_header(std::string_view name, std::uint64_t size, std::int64_t seconds) {
  const bool folder = name.ends_with('/');
  std::string block(kTarBlock, '\0');
  put_text(block, kName, name);
  put_octal(block, kMode, folder ? 0755 : 0644);
  put_octal(block, kUid, 0);
  put_octal(block, kGid, 0);
  put_size(block, size);
  put_octal(block, kTime, static_cast<std::uint64_t>(std::max<std::int64_t>(0, seconds)));
  block[kType] = folder ? '5' : '0';
  put_text(block, kMagic, std::string_view("ustar\00000", 8));
  put_text(block, kChecksum, "        ");
  unsigned sum = 0;
  for (const char byte : block)
    sum += static_cast<unsigned char>(byte);
  std::array<char, 8> digits{};
  (void)std::snprintf(digits.data(), digits.size(), "%06o", sum);
  put_text(block, kChecksum, {digits.data(), 7});
  return block;
}

}  // namespace berth::image
