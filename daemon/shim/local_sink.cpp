#include <array>
#include <cstring>

#include "daemon/shim/file_sinks.hpp"

namespace berth::shim {

namespace {

constexpr std::size_t kSize = 4;     // in front of an entry, and behind it
constexpr std::size_t kFrame = 256;  // everything but line and attributes

// https://protobuf.dev/programming-guides/encoding: a field begins with its number and its form.
constexpr char kVarint = 0;
constexpr char kBytes = 2;
constexpr char tag(int field, char form) {
  return static_cast<char>(field << 3 | form);
}

char* put_varint(char* out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U)
    *out++ = static_cast<char>(value | 0x80U);
  *out++ = static_cast<char>(value);
  return out;
}

char* put_number(char* out, int field, std::uint64_t value) {
  *out++ = tag(field, kVarint);
  return put_varint(out, value);
}

char* put_bytes(char* out, int field, std::string_view bytes) {
  *out++ = tag(field, kBytes);
  out = put_varint(out, bytes.size());
  std::memcpy(out, bytes.data(), bytes.size());
  return out + bytes.size();
}

char* put_part(char* out, const LinePart& part) {
  std::array<char, kFrame / 2> bytes{};
  char* end = bytes.data();
  if (part.last) end = put_number(end, 1, 1);
  end = put_bytes(end, 2, part.line_id);
  end = put_number(end, 3, static_cast<std::uint64_t>(part.ordinal));
  return put_bytes(out, 5, {bytes.data(), static_cast<std::size_t>(end - bytes.data())});
}

void put_size(char* out, std::size_t size) {
  for (std::size_t i = 0; i < kSize; ++i)
    out[i] = static_cast<char>(size >> (8 * (kSize - 1 - i)));
}

std::string encoded(const LogAttributes& attributes) {
  constexpr std::size_t kAround = 32;
  std::string text;
  for (const auto& [key, value] : attributes) {
    std::string pair(key.size() + value.size() + kAround, '\0');
    char* end = put_bytes(pair.data(), 1, key);
    end = put_bytes(end, 2, value);
    pair.resize(static_cast<std::size_t>(end - pair.data()));
    std::string field(pair.size() + kAround, '\0');
    end = put_bytes(field.data(), 6, pair);
    text.append(field.data(), end);
  }
  return text;
}

}  // namespace

LocalSink::LocalSink(Loop& loop, int folder, LogFileSettings settings,
                     const LogAttributes& attributes, const LogEvents& events)
    : file_(loop, folder, std::move(settings), events), attributes_(encoded(attributes)) {}

void LocalSink::add(const LogLine& line) {
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  char* const begin = file_.reserve(kLineLimit + kFrame + attributes_.size());
  char* out = begin + kSize;
  out = put_bytes(out, 1, line.stream == Stream::kStdout ? "stdout" : "stderr");
  out = put_number(out, 2,
                   static_cast<std::uint64_t>(line.time.tv_sec) * kNanoseconds +
                       static_cast<std::uint64_t>(line.time.tv_nsec));
  // Absent is empty (proto3).
  if (const std::string_view text = line.without_end(); !text.empty())
    out = put_bytes(out, 3, text);
  if (line.part != nullptr) {
    out = put_number(out, 4, 1);
    out = put_part(out, *line.part);
  }
  if (!attributes_.empty()) {
    std::memcpy(out, attributes_.data(), attributes_.size());
    out += attributes_.size();
  }
  const auto size = static_cast<std::size_t>(out - begin) - kSize;
  put_size(begin, size);
  put_size(out, size);
  file_.commit(out + kSize, line.time);
}

}  // namespace berth::shim
