#include "daemon/network/firewall_rules.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/text.hpp"
#include "daemon/network/address.hpp"

namespace berth::network {

namespace {

constexpr std::array<std::string_view, 3> kNatJumps = {
    "PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
    "OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
    "POSTROUTING -j DOCKER-POSTROUTING",
};
constexpr std::array<std::string_view, 2> kForwardJumps = {
    "FORWARD -j DOCKER-USER",
    "FORWARD -j DOCKER-FORWARD",
};

/// NAPT acts on IPv4, and leaves loopback addresses alone (route_localnet stays off: with it the
/// neighbours on a network could reach services that listen on 127.0.0.1).
bool is_translated(const PublishedPort& port) {
  return is_ipv4(port.host_address) && !is_loopback(port.host_address);
}

std::string destination(const PublishedPort& port) {
  return is_unspecified(port.host_address) ? "" : "-d " + port.host_address + "/32 ";
}

std::string nat_rule(const Endpoint& endpoint, const PublishedPort& port) {
  const std::string protocol = to_string(port.protocol);
  return fmt::format("DOCKER {}-p {} -m {} --dport {} -j DNAT --to-destination {}:{}",
                     destination(port), protocol, protocol, port.host_port, endpoint.address,
                     port.container_port);
}

std::string filter_rule(const Endpoint& endpoint, const PublishedPort& port) {
  const std::string protocol = to_string(port.protocol);
  return fmt::format(
      "DOCKER -d {}/32 -o {} -p {} -m {} --dport {} -m conntrack --ctstate DNAT -j ACCEPT",
      endpoint.address, endpoint.bridge, protocol, protocol, port.container_port);
}

struct Rules {
  std::string nat;
  std::string filter;

  /// A container's port that is published twice is let in by one rule.
  void add(std::string_view command, const Endpoint& endpoint) {
    std::vector<std::string> seen;
    for (const PublishedPort& port : endpoint.ports) {
      if (!is_translated(port)) continue;
      nat += fmt::format("{} {}\n", command, nat_rule(endpoint, port));
      std::string rule = filter_rule(endpoint, port);
      if (std::find(seen.begin(), seen.end(), rule) != seen.end()) continue;
      filter += fmt::format("{} {}\n", command, rule);
      seen.push_back(std::move(rule));
    }
  }
  std::string text() const {
    // The door before the way to it.
    return "*filter\n" + filter + "COMMIT\n*nat\n" + nat + "COMMIT\n";
  }
};

/// What iptables-save says of the chains that we share.
struct Saved {
  std::vector<std::string> nat;      // rules, without "-A "
  std::vector<std::string> forward;  // of FORWARD, in order
  bool has_user_chain = false;
};

Saved parse_saved(std::string_view text) {
  Saved saved;
  std::string_view table;
  for (std::string_view line : split(text, '\n')) {
    line = trim(line);
    if (line.starts_with('*')) table = line.substr(1);
    if (table == "filter" && line.starts_with(":DOCKER-USER ")) saved.has_user_chain = true;
    if (!line.starts_with("-A ")) continue;
    line.remove_prefix(3);
    if (table == "nat") saved.nat.emplace_back(line);
    if (table == "filter" && line.starts_with("FORWARD ")) saved.forward.emplace_back(line);
  }
  return saved;
}

template <typename List>
bool has(const List& list, std::string_view value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

std::string nat_jumps(const Saved& saved) {
  std::string text;
  for (const std::string_view jump : kNatJumps) {
    if (!has(saved.nat, jump)) text += fmt::format("-A {}\n", jump);
  }
  return text;
}

/// Ours come first, in order; jumps that were pushed down are lifted.
std::string forward_jumps(const Saved& saved) {
  const bool in_place =
      saved.forward.size() >= kForwardJumps.size() &&
      std::equal(kForwardJumps.begin(), kForwardJumps.end(), saved.forward.begin());
  if (in_place) return "";
  std::string text;
  for (const std::string& rule : saved.forward) {
    if (has(kForwardJumps, rule)) text += fmt::format("-D {}\n", rule);
  }
  return text + "-I FORWARD 1 -j DOCKER-USER\n-I FORWARD 2 -j DOCKER-FORWARD\n";
}

/// First who gets into which bridge, then who gets out: no way out of one leads into another.
std::string forward_chain(const RuleSettings& settings) {
  std::string text;
  for (const BridgeRules& network : settings.bridges) {
    if (!network.internal) continue;
    text += fmt::format(
        "-A DOCKER-FORWARD ! -i {0} -o {0} -j DROP\n"
        "-A DOCKER-FORWARD -i {0} ! -o {0} -j DROP\n",
        network.bridge);
  }
  for (const BridgeRules& network : settings.bridges) {
    text += fmt::format(
        "-A DOCKER-FORWARD -o {0} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n"
        "-A DOCKER-FORWARD -o {0} -j DOCKER\n"
        "-A DOCKER-FORWARD -i {0} -o {0} -j {1}\n"
        "-A DOCKER-FORWARD -o {0} -j DROP\n",
        network.bridge, network.icc ? "ACCEPT" : "DROP");
  }
  for (const BridgeRules& network : settings.bridges) {
    text += fmt::format("-A DOCKER-FORWARD -i {0} ! -o {0} -j ACCEPT\n", network.bridge);
  }
  return text;
}

/// The second rule is for containers that use a published port of one of them: the answer has to
/// come back through the host, not straight over the bridge.
std::string masquerade_chain(const RuleSettings& settings) {
  std::string text;
  for (const BridgeRules& network : settings.bridges) {
    if (network.internal) continue;
    if (network.masquerade) {
      text += fmt::format("-A DOCKER-POSTROUTING -s {} ! -o {} -j MASQUERADE\n", network.subnet,
                          network.bridge);
    }
    text +=
        fmt::format("-A DOCKER-POSTROUTING -s {} -o {} -m conntrack --ctstate DNAT -j MASQUERADE\n",
                    network.subnet, network.bridge);
  }
  return text;
}

/// Containers that may not talk to each other use each other's published ports by way of the shim.
std::string detours(const RuleSettings& settings) {
  std::string text;
  for (const BridgeRules& network : settings.bridges) {
    if (!network.icc) text += fmt::format("-A DOCKER -i {} -j RETURN\n", network.bridge);
  }
  return text;
}

}  // namespace

bool needs_rules(const Endpoint& endpoint) {
  return std::any_of(endpoint.ports.begin(), endpoint.ports.end(), &is_translated);
}

std::string all_rules(const RuleSettings& settings, std::string_view saved_text,
                      std::span<const Endpoint> endpoints) {
  const Saved saved = parse_saved(saved_text);
  Rules rules;
  // With --noflush, naming a chain makes it, or empties it when it is there.
  rules.filter = ":DOCKER - [0:0]\n:DOCKER-FORWARD - [0:0]\n";
  if (!saved.has_user_chain) rules.filter += ":DOCKER-USER - [0:0]\n";
  if (settings.drop_forwarded) rules.filter += ":FORWARD DROP [0:0]\n";
  rules.filter += forward_jumps(saved) + forward_chain(settings);
  rules.nat = ":DOCKER - [0:0]\n:DOCKER-POSTROUTING - [0:0]\n" + nat_jumps(saved) +
              masquerade_chain(settings) + detours(settings);
  for (const Endpoint& endpoint : endpoints)
    rules.add("-A", endpoint);
  return rules.text();
}

std::string changed_rules(std::span<const Endpoint> removed, std::span<const Endpoint> added) {
  Rules rules;
  for (const Endpoint& endpoint : removed)
    rules.add("-D", endpoint);
  for (const Endpoint& endpoint : added)
    rules.add("-A", endpoint);
  return rules.nat.empty() ? "" : rules.text();
}

}  // namespace berth::network
