#include "daemon/network/veth.hpp"

#include <algorithm>
#include <chrono>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "common/error.hpp"
#include "daemon/network/netlink.hpp"
#include "daemon/network/netns.hpp"

namespace berth::network {

namespace {

constexpr std::chrono::seconds kPatience{1};

// Interface groups (netdevice(7), ip-link(8)) are numbers of no meaning to the kernel. The first
// marks the cables that Berth laid, so that nobody else's are taken for leavings; all that are in
// the second can be removed by one request.
constexpr std::uint32_t kCableGroup = 0x62747468;
constexpr std::uint32_t kRemovalGroup = 0x62747469;

Message link_by_name(int type, const std::string& name, unsigned change_flags = 0) {
  ifinfomsg header{};
  header.ifi_flags = change_flags;
  header.ifi_change = change_flags;
  Message message(type);
  message.header(header).text(IFLA_IFNAME, name);
  return message;
}

/// Both ends in one message: the peer is born where it is needed.
Message create_message(const Cable& cable, unsigned bridge, int network_namespace) {
  const std::string mac = parse_mac(cable.mac);
  ifinfomsg near{};
  near.ifi_flags = IFF_UP;
  near.ifi_change = IFF_UP;
  const ifinfomsg far{};
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.header(near).text(IFLA_IFNAME, cable.name);
  message.number(IFLA_MTU, static_cast<std::uint32_t>(cable.mtu));
  message.number(IFLA_MASTER, bridge).number(IFLA_GROUP, kCableGroup);
  message.begin(IFLA_LINKINFO)
      .text(IFLA_INFO_KIND, "veth")
      .begin(IFLA_INFO_DATA)
      .begin(VETH_INFO_PEER);
  message.header(far).text(IFLA_IFNAME, cable.inside);
  message.number(IFLA_MTU, static_cast<std::uint32_t>(cable.mtu));
  message.bytes(IFLA_ADDRESS, std::as_bytes(std::span(mac)));
  message.number(IFLA_NET_NS_FD, static_cast<std::uint32_t>(network_namespace));
  message.end().end().end();
  return message;
}

/// What the bridge is to know of the port.
Message port_message(const Cable& cable) {
  Message message = link_by_name(RTM_NEWLINK, cable.name);
  message.begin(IFLA_LINKINFO).text(IFLA_INFO_SLAVE_KIND, "bridge").begin(IFLA_INFO_SLAVE_DATA);
  message.number(IFLA_BRPORT_MODE, static_cast<std::uint8_t>(cable.hairpin));
  message.number(IFLA_BRPORT_ISOLATED, static_cast<std::uint8_t>(cable.isolated));
  message.end().end();
  return message;
}

/// The port takes and gives nothing more, and what the bridge learnt from it is forgotten. It has
/// to be a message of the bridge family: others end with a notification upon which the bridge finds
/// the port in order and turns it on again.
Message cut_message(unsigned index) {
  ifinfomsg header{};
  header.ifi_family = AF_BRIDGE;
  header.ifi_index = static_cast<int>(index);
  Message message(RTM_SETLINK);
  message.header(header).begin(IFLA_PROTINFO | NLA_F_NESTED);
  message.number(IFLA_BRPORT_STATE, static_cast<std::uint8_t>(BR_STATE_DISABLED));
  message.flag(IFLA_BRPORT_FLUSH).end();
  return message;
}

/// No link-local IPv6 address: containers have no IPv6, and its probes would cost each start.
Message no_ipv6_message(unsigned index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  Message message(RTM_NEWLINK);
  message.header(header).begin(IFLA_AF_SPEC).begin(AF_INET6);
  message.number(IFLA_INET6_ADDR_GEN_MODE, static_cast<std::uint8_t>(IN6_ADDR_GEN_MODE_NONE));
  message.end().end();
  return message;
}

Message address_message(unsigned index, const Subnet& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<unsigned char>(address.prefix);
  header.ifa_index = index;
  Message message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL);
  message.header(header).number(IFA_LOCAL, htonl(address.address.value));
  message.number(IFA_ADDRESS, htonl(address.address.value));
  message.number(IFA_BROADCAST, htonl(address.broadcast().value));
  return message;
}

Message up_message(unsigned index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  Message message(RTM_NEWLINK);
  message.header(header);
  return message;
}

Message default_route_message(unsigned index, Ipv4 gateway) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  Message message(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL);
  message.header(header).number(RTA_GATEWAY, htonl(gateway.value)).number(RTA_OIF, index);
  return message;
}

bool is_up(Socket& host, const std::string& name) {
  for (Received& part :
       host.ask(link_by_name(RTM_GETLINK, name), "look at the interface " + name)) {
    auto* message = reinterpret_cast<nlmsghdr*>(part.data());
    const nlattr* state = nlmsg_find_attr(message, sizeof(ifinfomsg), IFLA_OPERSTATE);
    if (state != nullptr) return nla_get_u8(state) == IF_OPER_UP;
  }
  return false;
}

/// The kernel tells bridge and host of the new cable from a queue (linkwatch), which can take as
/// long as others hold its lock. A container's first packet would be lost until then, and asked
/// again after a second. From Linux 6.8 on the question itself brings the queue up to date.
void wait_until_up(Socket& host, const std::string& name) {
  if (is_up(host, name)) return;
  Socket events(NETLINK_ROUTE);
  events.join(RTNLGRP_LINK);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!is_up(host, name)) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    // Late, not broken: the container may start.
    if (left.count() <= 0 || !events.wait(left)) return;
  }
}

Socket socket_inside(int network_namespace) {
  const InNamespace there(network_namespace);
  return Socket(NETLINK_ROUTE);
}

Message doom_message(const std::string& name) {
  Message message = link_by_name(RTM_NEWLINK, name);
  message.number(IFLA_GROUP, kRemovalGroup);
  return message;
}

}  // namespace

void lay_cable(const Cable& cable, int network_namespace) {
  Socket inside = socket_inside(network_namespace);
  Socket host(NETLINK_ROUTE);
  const auto bridge = host.index_of(cable.bridge);
  if (!bridge) {
    throw Error(
        ErrorKind::kNotFound,
        fmt::format("the bridge {} is gone: restart the daemon to make it anew", cable.bridge));
  }
  std::vector<Message> outside;
  outside.push_back(create_message(cable, *bridge, network_namespace));
  if (cable.hairpin || cable.isolated) outside.push_back(port_message(cable));
  host.execute(outside, fmt::format("plug {} into the bridge {}", cable.name, cable.bridge));

  const auto index = inside.index_of(cable.inside);
  if (!index) throw Error(ErrorKind::kInternal, "the container's interface vanished");
  std::vector<Message> setup;
  setup.push_back(no_ipv6_message(*index));
  setup.push_back(address_message(*index, cable.address));
  setup.push_back(up_message(*index));
  if (cable.gateway) setup.push_back(default_route_message(*index, *cable.gateway));
  // A kernel without IPv6 refuses the first alone, and may.
  const auto results = inside.try_all(setup);
  for (std::size_t i = 1; i < results.size(); ++i) {
    if (results[i] != 0)
      throw_errno("cannot set up the container's interface", cable.address.str(), results[i]);
  }
  wait_until_up(host, cable.name);
  // It has a carrier since its first cable.
  wait_until_up(host, cable.bridge);
}

void cut_cables(std::span<const std::string> names) {
  Socket socket(NETLINK_ROUTE);
  std::vector<Message> messages;
  for (const std::string& name : names) {
    if (const auto index = socket.index_of(name)) messages.push_back(cut_message(*index));
  }
  for (const int error : socket.try_all(messages)) {
    // Gone meanwhile, or no port of a bridge any more.
    if (error != 0 && error != ENODEV && error != EOPNOTSUPP)
      throw_errno("cannot cut", names.front(), error);
  }
}

void remove_cables(std::span<const std::string> names) {
  Socket socket(NETLINK_ROUTE);
  std::vector<Message> messages;
  for (const std::string& name : names) {
    if (socket.index_of(name)) messages.push_back(doom_message(name));
  }
  const std::vector<int> results = socket.try_all(messages);
  if (std::find(results.begin(), results.end(), 0) == results.end()) return;
  Message removal(RTM_DELLINK);
  removal.header(ifinfomsg{}).number(IFLA_GROUP, kRemovalGroup);
  const int error = socket.try_all({&removal, 1}).front();
  // Gone by themselves meanwhile.
  if (error != 0 && error != ENODEV) throw_errno("cannot remove", names.front(), error);
}

std::vector<std::string> list_cables(const std::string& bridge) {
  Socket socket(NETLINK_ROUTE);
  const auto master = socket.index_of(bridge);
  if (!master) return {};
  Message request(RTM_GETLINK, NLM_F_DUMP);
  request.header(ifinfomsg{}).number(IFLA_MASTER, *master);
  std::vector<std::string> names;
  for (Received& part : socket.ask(request, "list the ports of the bridge " + bridge)) {
    auto* message = reinterpret_cast<nlmsghdr*>(part.data());
    const auto attribute = [message](int type) {
      return nlmsg_find_attr(message, sizeof(ifinfomsg), type);
    };
    const nlattr* name = attribute(IFLA_IFNAME);
    const nlattr* its_master = attribute(IFLA_MASTER);
    const nlattr* group = attribute(IFLA_GROUP);
    if (name == nullptr || its_master == nullptr || group == nullptr) continue;
    const std::uint32_t mark = nla_get_u32(group);
    if (nla_get_u32(its_master) != *master || (mark != kCableGroup && mark != kRemovalGroup))
      continue;
    names.emplace_back(nla_get_string(name));
  }
  return names;
}

}  // namespace berth::network
