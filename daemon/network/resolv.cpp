#include "daemon/network/resolv.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/text.hpp"
#include "daemon/network/address.hpp"

namespace berth::network {

namespace {

constexpr std::size_t kFileLimit = std::size_t{1} << 20U;
constexpr std::string_view kStubServer = "127.0.0.53";

std::vector<std::string> words(std::string_view line) {
  std::vector<std::string> found;
  std::size_t begin = 0;
  while ((begin = line.find_first_not_of(" \t\r", begin)) != std::string_view::npos) {
    const std::size_t end = std::min(line.find_first_of(" \t\r", begin), line.size());
    found.emplace_back(line.substr(begin, end - begin));
    begin = end;
  }
  return found;
}

/// What a file says. Of several search or domain lines the last one counts, options add up.
ResolvOptions parse(std::string_view file) {
  ResolvOptions found;
  for (const std::string_view line : split(file, '\n')) {
    std::vector<std::string> parts = words(line.substr(0, line.find_first_of("#;")));
    if (parts.size() < 2) continue;
    const std::string keyword = std::move(parts.front());
    parts.erase(parts.begin());
    if (keyword == "nameserver") found.servers.push_back(parts.front());
    if (keyword == "search")
      found.search = std::move(parts);
    else if (keyword == "domain")
      found.search = {parts.front()};
    else if (keyword == "options")
      found.options.insert(found.options.end(), parts.begin(), parts.end());
  }
  return found;
}

bool is_reachable(const std::string& server) {
  return is_ipv4(server) && !is_loopback(server);
}

/// What the user gave becomes words of a line, and must not become more than that.
void check(const std::vector<std::string>& values, std::string_view role) {
  for (const std::string& value : values) {
    const bool printable =
        std::all_of(value.begin(), value.end(), [](char c) { return c > ' ' && c != '\x7f'; });
    if (value.empty() || !printable) {
      throw Error(ErrorKind::kInvalidArgument,
                  fmt::format("invalid {} \"{}\": want one without blanks", role, value));
    }
  }
}

std::string read_or_empty(const char* path) {
  try {
    return read_file(path, kFileLimit);
  } catch (const Error&) {
    return "";
  }
}

}  // namespace

void check_dns_server(std::string_view text) {
  canonical_address(text);
}

std::string resolv_conf(std::string_view hosts_file, const ResolvOptions& asked) {
  ResolvOptions used = parse(hosts_file);
  std::erase_if(used.servers, [](const std::string& server) { return !is_reachable(server); });
  if (!asked.servers.empty()) {
    used.servers.clear();
    for (const std::string& server : asked.servers)
      used.servers.push_back(canonical_address(server));
  }
  if (used.servers.empty()) used.servers = {"8.8.8.8", "8.8.4.4"};
  check(asked.search, "search domain");
  check(asked.options, "resolver option");
  if (!asked.search.empty()) used.search = asked.search;
  if (!asked.options.empty()) used.options = asked.options;
  if (used.search == std::vector<std::string>{"."}) used.search.clear();

  std::string text;
  for (const std::string& server : used.servers)
    text += "nameserver " + server + "\n";
  if (!used.search.empty()) text += "search " + join(used.search, " ") + "\n";
  if (!used.options.empty()) text += "options " + join(used.options, " ") + "\n";
  return text;
}

std::string read_host_resolv_conf() {
  std::string text = read_or_empty("/etc/resolv.conf");
  const ResolvOptions found = parse(text);
  if (found.servers.size() == 1 && found.servers.front() == kStubServer) {
    std::string upstream = read_or_empty("/run/systemd/resolve/resolv.conf");
    if (!upstream.empty()) return upstream;
  }
  return text;
}

}  // namespace berth::network
