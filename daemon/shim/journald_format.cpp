#include <array>
#include <cstdint>

#include "common/time.hpp"
#include "daemon/shim/message_formats.hpp"

namespace berth::shim {

namespace {

/// "NAME=value", or for a value of several lines its name, its length in 64 bits, lowest byte
/// first, and itself.
void put_field(std::string& out, std::string_view name, std::string_view value) {
  out.append(name);
  if (value.find('\n') == std::string_view::npos) {
    out.append("=").append(value);
  } else {
    constexpr unsigned kBits = 64;
    out.push_back('\n');
    for (unsigned shift = 0; shift < kBits; shift += 8)
      out.push_back(static_cast<char>(std::uint64_t{value.size()} >> shift));
    out.append(value);
  }
  out.push_back('\n');
}

std::string time_text(const timespec& time) {
  return format_rfc3339(
      Timestamp(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec)));
}

std::string entry_of(const runtime::LogReceiver& receiver, const LogLine& line) {
  std::string out;
  put_field(out, "MESSAGE", line.without_end());
  put_field(out, "PRIORITY", line.stream == Stream::kStdout ? "6" : "3");
  put_field(out, "SYSLOG_TIMESTAMP", time_text(line.time));
  for (const auto& [name, value] : receiver.fields)
    put_field(out, name, value);
  if (line.part != nullptr) {
    if (!line.part->last) put_field(out, "CONTAINER_PARTIAL_MESSAGE", "true");
    put_field(out, "CONTAINER_PARTIAL_ID", line.part->line_id);
    put_field(out, "CONTAINER_PARTIAL_ORDINAL", std::to_string(line.part->ordinal));
    put_field(out, "CONTAINER_PARTIAL_LAST", line.part->last ? "true" : "false");
  }
  return out;
}

}  // namespace

MessageFormat journald_format(const runtime::LogReceiver& receiver) {
  return [receiver](const LogLine& line, const EmitMessage& emit) {
    // journald takes no entry without a text, and neither do other engines send one.
    if (!line.without_end().empty()) emit(entry_of(receiver, line));
  };
}

}  // namespace berth::shim
