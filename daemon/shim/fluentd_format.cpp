#include <cstdint>

#include "daemon/shim/message_formats.hpp"

namespace berth::shim {

namespace {

// https://github.com/msgpack/msgpack/blob/master/spec.md; numbers are written highest byte first.
constexpr unsigned char kFixMap = 0x80;
constexpr unsigned char kFixArray = 0x90;
constexpr unsigned char kFixText = 0xa0;
constexpr unsigned char kText8 = 0xd9;
constexpr unsigned char kText16 = 0xda;
constexpr unsigned char kText32 = 0xdb;
constexpr unsigned char kMap16 = 0xde;
constexpr unsigned char kExtension8 = 0xd7;
constexpr unsigned char kUnsigned32 = 0xce;

void put_number(std::string& out, std::uint64_t number, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    out.push_back(static_cast<char>(number >> static_cast<unsigned>(shift)));
}

void put_text(std::string& out, std::string_view text) {
  if (text.size() < 0x20) {
    out.push_back(static_cast<char>(kFixText | text.size()));
  } else if (text.size() <= 0xff) {
    out.push_back(static_cast<char>(kText8));
    put_number(out, text.size(), 1);
  } else if (text.size() <= 0xffff) {
    out.push_back(static_cast<char>(kText16));
    put_number(out, text.size(), 2);
  } else {
    out.push_back(static_cast<char>(kText32));
    put_number(out, text.size(), 4);
  }
  out.append(text);
}

void put_map_size(std::string& out, std::size_t size) {
  if (size < 0x10) {
    out.push_back(static_cast<char>(kFixMap | size));
  } else {
    out.push_back(static_cast<char>(kMap16));
    put_number(out, size, 2);
  }
}

/// Whole seconds, or the protocol's own EventTime.
void put_time(std::string& out, const timespec& time, bool sub_second) {
  out.push_back(static_cast<char>(sub_second ? kExtension8 : kUnsigned32));
  if (sub_second) out.push_back('\0');  // the extension's type
  put_number(out, static_cast<std::uint64_t>(time.tv_sec), 4);
  if (sub_second) put_number(out, static_cast<std::uint64_t>(time.tv_nsec), 4);
}

std::string message_of(const runtime::LogReceiver& receiver, bool sub_second, const LogLine& line) {
  constexpr std::size_t kOfEveryLine = 2;
  constexpr std::size_t kOfParts = 4;
  constexpr unsigned char kElements = 3;
  std::string out;
  out.push_back(static_cast<char>(kFixArray | kElements));
  put_text(out, receiver.options.at("tag"));
  put_time(out, line.time, sub_second);
  put_map_size(out, receiver.fields.size() + kOfEveryLine + (line.part != nullptr ? kOfParts : 0));
  const auto put = [&out](std::string_view name, std::string_view value) {
    put_text(out, name);
    put_text(out, value);
  };
  for (const auto& [name, value] : receiver.fields)
    put(name, value);
  put("source", line.stream == Stream::kStdout ? "stdout" : "stderr");
  put("log", line.without_end());
  if (line.part != nullptr) {
    put("partial_message", "true");
    put("partial_id", line.part->line_id);
    put("partial_ordinal", std::to_string(line.part->ordinal));
    put("partial_last", line.part->last ? "true" : "false");
  }
  return out;
}

}  // namespace

MessageFormat fluentd_format(const runtime::LogReceiver& receiver) {
  const bool sub_second = receiver.options.at("sub_second") == "true";
  return [receiver, sub_second](const LogLine& line, const EmitMessage& emit) {
    emit(message_of(receiver, sub_second, line));
  };
}

}  // namespace berth::shim
