// The text that iptables-restore(8) reads. Pure.
//
// Built-in chains hold only jumps into chains of ours, which are rewritten as a whole:
//   nat     PREROUTING, OUTPUT -> DOCKER               what is published: to the container
//           POSTROUTING        -> DOCKER-POSTROUTING   containers go out under the host's address
//   filter  FORWARD            -> DOCKER-USER          the administrator's, never touched
//                              -> DOCKER-FORWARD       what goes in and out of the bridges
//                                 DOCKER               what is published, called by DOCKER-FORWARD
// Only what came by a published port of the host gets in: who routes packets straight to a
// container's address is turned away, and so are the containers of another network. Packets to
// loopback addresses and over IPv6 are none of the rules' business: the shim forwards those.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/network/endpoint.hpp"

namespace berth::network {

/// One network's part.
struct BridgeRules {
  std::string bridge;
  std::string subnet;  // "172.17.0.0/16"
  bool masquerade = true;
  bool icc = true;
  /// Nothing goes out of the network, nothing comes in.
  bool internal = false;

  bool operator==(const BridgeRules&) const = default;
};

struct RuleSettings {
  std::vector<BridgeRules> bridges;
  /// Close the door that turning on forwarding opened: this host was no router before.
  bool drop_forwarded = false;
};

/// True when some port of the endpoint needs rules.
bool needs_rules(const Endpoint& endpoint);

/// Everything: all our chains from nothing, with the published ports of `endpoints`. `saved` is
/// what iptables-save(8) says now; what of the jumps is there stays.
std::string all_rules(const RuleSettings& settings, std::string_view saved,
                      std::span<const Endpoint> endpoints);

/// Only the published ports that go and come. Empty when no rule changes.
std::string changed_rules(std::span<const Endpoint> removed, std::span<const Endpoint> added);

}  // namespace berth::network
