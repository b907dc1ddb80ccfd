#include "client/format/text.hpp"

#include <algorithm>
#include <array>
#include <ctime>
#include <tuple>

#include <fmt/format.h>

#include "common/text.hpp"
#include "common/time.hpp"
#include "common/units.hpp"

namespace berth::client {

namespace {

bool starts_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
}

std::string bracketed(const std::string& address) {
  return address.find(':') == std::string::npos ? address : "[" + address + "]";
}

/// Ports in a row that are shown as one range.
struct PortRange {
  std::string ip;
  std::string type;
  unsigned first;
  unsigned last;

  std::string text() const {
    std::string range = std::to_string(first);
    if (last != first) range += "-" + std::to_string(last);
    const std::string inside = range + "/" + type;
    return ip.empty() ? inside : bracketed(ip) + ":" + range + "->" + inside;
  }
};

}  // namespace

std::size_t character_count(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string shorten(std::string_view text, std::size_t length) {
  if (character_count(text) <= length) return std::string(text);
  std::size_t characters = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end) {
    if (starts_character(text[end]) && ++characters == length) break;
  }
  return std::string(text.substr(0, end)) + "…";
}

std::string quote(std::string_view text) {
  std::string result = "\"";
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (character == '"' || character == '\\') {
      result += '\\';
      result += character;
    } else if (character == '\n') {
      result += "\\n";
    } else if (character == '\t') {
      result += "\\t";
    } else if (character == '\r') {
      result += "\\r";
    } else if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += character;
    }
  }
  return result + "\"";
}

std::string short_id(std::string_view id) {
  constexpr std::string_view kAlgorithm = "sha256:";
  constexpr std::size_t kLength = 12;
  if (id.starts_with(kAlgorithm)) id.remove_prefix(kAlgorithm.size());
  return std::string(id.substr(0, kLength));
}

std::string ago(std::int64_t seconds) {
  const Timestamp then{std::chrono::seconds(seconds)};
  return format_human_duration(now() - then) + " ago";
}

std::string local_time(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::localtime_r(&time, &parts);
  std::array<char, 64> text{};
  const std::size_t length =
      std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S %z %Z", &parts);
  return {text.data(), length};
}

std::string format_ports(std::vector<api::Port> ports) {
  std::sort(ports.begin(), ports.end(), [](const api::Port& left, const api::Port& right) {
    return std::tie(left.private_port, left.ip, left.public_port, left.type) <
           std::tie(right.private_port, right.ip, right.public_port, right.type);
  });
  std::vector<std::string> finished;
  std::vector<std::string> moved;  // published under another number
  std::vector<PortRange> open;     // the last range of each address and protocol
  for (const api::Port& port : ports) {
    if (!port.ip.empty() && port.public_port != port.private_port) {
      moved.push_back(fmt::format("{}:{}->{}/{}", bracketed(port.ip), port.public_port,
                                  port.private_port, port.type));
      continue;
    }
    const auto range = std::find_if(open.begin(), open.end(), [&](const PortRange& each) {
      return each.ip == port.ip && each.type == port.type;
    });
    if (range == open.end()) {
      open.push_back({port.ip, port.type, port.private_port, port.private_port});
    } else if (port.private_port == range->last + 1) {
      range->last = port.private_port;
    } else if (port.private_port != range->last) {
      finished.push_back(range->text());
      range->first = range->last = port.private_port;
    }
  }
  for (const PortRange& range : open)
    finished.push_back(range.text());
  finished.insert(finished.end(), moved.begin(), moved.end());
  return join(finished, ", ");
}

std::string printable(std::string_view text) {
  std::string result;
  for (const char character : text) {
    const auto byte = static_cast<unsigned char>(character);
    if (byte >= 0x20 ? byte != 0x7F : (character == '\n' || character == '\t')) result += character;
  }
  return result;
}

}  // namespace berth::client
