#include "daemon/log/local_codec.hpp"

#include <cstdint>

namespace berth::logs {

namespace {

// https://protobuf.dev/programming-guides/encoding
enum Wire : unsigned { kVarint = 0, kFixed64 = 1, kBytes = 2, kFixed32 = 5 };

struct Field {
  std::uint64_t number = 0;
  std::uint64_t value = 0;  // of a varint
  std::string_view bytes;
};

std::optional<std::uint64_t> take_varint(std::string_view& data) {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64 && !data.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(data.front());
    data.remove_prefix(1);
    value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
    if (byte < 0x80) return value;
  }
  return std::nullopt;
}

/// Takes the field at the front; nothing for bytes that are none.
std::optional<Field> take_field(std::string_view& data) {
  const auto tag = take_varint(data);
  if (!tag) return std::nullopt;
  Field field;
  field.number = *tag >> 3U;
  std::uint64_t size = 0;
  switch (*tag & 7U) {
    case kVarint: {
      const auto value = take_varint(data);
      if (!value) return std::nullopt;
      field.value = *value;
      return field;
    }
    case kFixed64:
      size = 8;
      break;
    case kFixed32:
      size = 4;
      break;
    case kBytes: {
      const auto length = take_varint(data);
      if (!length) return std::nullopt;
      size = *length;
      break;
    }
    default:
      return std::nullopt;
  }
  if (size > data.size()) return std::nullopt;
  field.bytes = data.substr(0, size);
  data.remove_prefix(size);
  return field;
}

bool is_last(std::string_view partial) {
  bool last = false;
  while (!partial.empty()) {
    const auto field = take_field(partial);
    if (!field) break;
    if (field->number == 1) last = field->value != 0;
  }
  return last;
}

bool decode_entry(std::string_view data, Entry& entry) {
  entry.message.clear();
  entry.stream = Stream::kStdout;
  entry.time_text = {};
  entry.time = Timestamp();
  entry.attributes = {};
  bool has_end = true;
  while (!data.empty()) {
    const std::string_view here = data;
    const auto field = take_field(data);
    if (!field) return false;
    if (field->number == 1) {
      entry.stream = field->bytes == "stderr" ? Stream::kStderr : Stream::kStdout;
    } else if (field->number == 2) {
      entry.time = Timestamp(std::chrono::nanoseconds(static_cast<std::int64_t>(field->value)));
    } else if (field->number == 3) {
      entry.message = field->bytes;
    } else if (field->number == 4) {
      has_end = field->value == 0;
    } else if (field->number == 5) {
      has_end = is_last(field->bytes);
    } else if (field->number == 6 && entry.attributes.empty()) {
      entry.attributes = here;  // they are the last, one behind the other
    }
  }
  if (has_end) entry.message.push_back('\n');
  return true;
}

}  // namespace

std::size_t local_size(std::string_view data) {
  std::size_t size = 0;
  for (std::size_t i = 0; i < kLocalSize; ++i)
    size = size << 8U | static_cast<unsigned char>(data[i]);
  return size;
}

Found LocalCodec::measure(std::string_view data) const {
  if (data.size() < kLocalSize) return {Found::Kind::kIncomplete};
  const std::size_t size = local_size(data);
  if (size > kLocalMost) return {Found::Kind::kBroken};
  const std::size_t length = size + 2 * kLocalSize;
  if (data.size() < length) return {Found::Kind::kIncomplete};
  if (local_size(data.substr(length - kLocalSize)) != size) return {Found::Kind::kBroken};
  return {Found::Kind::kEntry, length};
}

Found LocalCodec::decode(std::string_view data, Entry& entry) const {
  Found found = measure(data);
  if (found.kind != Found::Kind::kEntry) return found;
  if (!decode_entry(data.substr(kLocalSize, found.length - 2 * kLocalSize), entry))
    found.kind = Found::Kind::kNone;
  return found;
}

std::map<std::string, std::string> LocalCodec::attributes(std::string_view kept) const {
  std::map<std::string, std::string> list;
  while (!kept.empty()) {
    const auto field = take_field(kept);
    if (!field) break;
    if (field->number != 6) continue;
    std::string key;
    std::string value;
    std::string_view pair = field->bytes;
    while (!pair.empty()) {
      const auto part = take_field(pair);
      if (!part) break;
      if (part->number == 1) key = part->bytes;
      if (part->number == 2) value = part->bytes;
    }
    list[key] = value;
  }
  return list;
}

}  // namespace berth::logs
