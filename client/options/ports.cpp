#include "client/options/ports.hpp"

#include <optional>

#include <arpa/inet.h>

#include "client/options/value.hpp"
#include "common/text.hpp"

namespace berth::client {

namespace {

constexpr std::string_view kWanted =
    "[[address:]host port:]container port[/tcp|udp|sctp], such as 8080:80 or 127.0.0.1:53:53/udp";

struct Range {
  unsigned first = 0;
  unsigned last = 0;
  unsigned size() const { return last - first + 1; }
};

std::optional<Range> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto first = parse_number<std::uint16_t>(text.substr(0, dash));
  const auto last =
      dash == std::string_view::npos ? first : parse_number<std::uint16_t>(text.substr(dash + 1));
  if (!first || !last || *last < *first) return std::nullopt;
  return Range{*first, *last};
}

struct Specification {
  std::string ip;
  std::optional<Range> host;
  Range container;
  std::string protocol;
};

bool is_address(const std::string& text) {
  in6_addr buffer{};
  return ::inet_pton(AF_INET, text.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, text.c_str(), &buffer) == 1;
}

std::string parse_protocol(std::string_view& rest, std::string_view whole) {
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return "tcp";
  std::string protocol = to_lower(rest.substr(slash + 1));
  rest = rest.substr(0, slash);
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp") {
    throw invalid_value("published port", whole, "the protocol tcp, udp or sctp");
  }
  return protocol;
}

Specification parse_short(std::string_view text) {
  Specification result;
  std::string_view rest = text;
  result.protocol = parse_protocol(rest, text);
  const std::size_t last = rest.rfind(':');
  const auto container = parse_range(last == std::string_view::npos ? rest : rest.substr(last + 1));
  if (!container || container->first == 0) throw invalid_value("published port", text, kWanted);
  result.container = *container;
  if (last == std::string_view::npos) return result;
  rest = rest.substr(0, last);
  // What is left is [address:]host port, where an IPv6 address may be in brackets.
  const std::size_t colon = rest.rfind(':');
  std::string_view port = rest;
  if (colon != std::string_view::npos) {
    result.ip = rest.substr(0, colon);
    port = rest.substr(colon + 1);
    if (result.ip.starts_with('[') && result.ip.ends_with(']')) {
      result.ip = result.ip.substr(1, result.ip.size() - 2);
    }
    if (!is_address(result.ip)) {
      throw invalid_value("published port", text,
                          "\"" + result.ip + "\" to be an address of this host");
    }
  }
  if (!port.empty()) {
    result.host = parse_range(port);
    if (!result.host) throw invalid_value("published port", text, kWanted);
  }
  return result;
}

Specification parse_long(std::string_view text) {
  Specification result;
  result.protocol = "tcp";
  for (const std::string& field : parse_csv(text)) {
    const KeyValue pair = parse_key_value(field);
    if (pair.key == "target" || pair.key == "published") {
      const auto range = parse_range(pair.value);
      if (!range) throw invalid_value("published port", text, pair.key + " to be a port or range");
      (pair.key == "target" ? result.container : result.host.emplace()) = *range;
    } else if (pair.key == "protocol") {
      result.protocol = pair.value;
    } else if (pair.key != "mode" && pair.key != "name" && pair.key != "app_protocol") {
      throw invalid_value("published port", text, "the keys target, published and protocol");
    }
  }
  if (result.container.first == 0) throw invalid_value("published port", text, "a target");
  return result;
}

void add(const Specification& wanted, std::string_view text, PublishedPorts& ports) {
  const unsigned count = wanted.container.size();
  const bool one_of_many = wanted.host && count == 1 && wanted.host->size() > 1;
  if (wanted.host && !one_of_many && wanted.host->size() != count) {
    throw invalid_value("published port", text, "ranges of the same length on both sides");
  }
  for (unsigned offset = 0; offset < count; ++offset) {
    const std::string key = std::to_string(wanted.container.first + offset) + "/" + wanted.protocol;
    std::string host;
    if (one_of_many) {
      host = std::to_string(wanted.host->first) + "-" + std::to_string(wanted.host->last);
    } else if (wanted.host) {
      host = std::to_string(wanted.host->first + offset);
    }
    ports.exposed.insert(key);
    ports.bindings[key].push_back({wanted.ip, host});
  }
}

}  // namespace

PublishedPorts parse_ports(const std::vector<std::string>& published,
                           const std::vector<std::string>& exposed) {
  PublishedPorts ports;
  for (const std::string& text : published) {
    const bool is_long = text.find('=') != std::string::npos;
    add(is_long ? parse_long(text) : parse_short(text), text, ports);
  }
  for (const std::string& text : exposed) {
    std::string_view rest = text;
    const std::string protocol = parse_protocol(rest, text);
    const auto range = parse_range(rest);
    if (!range || range->first == 0) {
      throw invalid_value("exposed port", text, "a port or a range, such as 80 or 8000-8010/udp");
    }
    for (unsigned port = range->first; port <= range->last; ++port) {
      ports.exposed.insert(std::to_string(port) + "/" + protocol);
    }
  }
  return ports;
}

}  // namespace berth::client
