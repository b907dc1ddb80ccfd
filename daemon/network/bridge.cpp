#include "daemon/network/bridge.hpp"

#include <algorithm>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include "common/error.hpp"
#include "common/file.hpp"
#include "common/ids.hpp"
#include "common/text.hpp"

namespace berth::network {

namespace {

constexpr const char* kForwarding = "/proc/sys/net/ipv4/ip_forward";

struct Link {
  unsigned index = 0;
  bool is_up = false;
  std::string kind;
};

std::optional<Link> find_link(Socket& socket, const std::string& name) {
  const auto index = socket.index_of(name);
  if (!index) return std::nullopt;
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  Message request(RTM_GETLINK, NLM_F_DUMP);
  request.header(header);
  for (Received& part : socket.ask(request, "list network interfaces")) {
    auto* message = reinterpret_cast<nlmsghdr*>(part.data());
    const auto* info = static_cast<const ifinfomsg*>(nlmsg_data(message));
    if (message->nlmsg_type != RTM_NEWLINK || static_cast<unsigned>(info->ifi_index) != *index)
      continue;
    Link link{*index, (info->ifi_flags & IFF_UP) != 0, ""};
    if (nlattr* detail = nlmsg_find_attr(message, sizeof(ifinfomsg), IFLA_LINKINFO)) {
      const nlattr* kind =
          nla_find(static_cast<nlattr*>(nla_data(detail)), nla_len(detail), IFLA_INFO_KIND);
      if (kind != nullptr) link.kind = nla_get_string(kind);
    }
    return link;
  }
  return std::nullopt;
}

std::vector<Subnet> addresses_of(Socket& socket, unsigned index) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  Message request(RTM_GETADDR, NLM_F_DUMP);
  request.header(header);
  std::vector<Subnet> found;
  for (Received& part : socket.ask(request, "list addresses")) {
    auto* message = reinterpret_cast<nlmsghdr*>(part.data());
    const auto* info = static_cast<const ifaddrmsg*>(nlmsg_data(message));
    const nlattr* local = nlmsg_find_attr(message, sizeof(ifaddrmsg), IFA_LOCAL);
    if (message->nlmsg_type != RTM_NEWADDR || info->ifa_index != index || local == nullptr)
      continue;
    found.push_back(Subnet{Ipv4{ntohl(nla_get_u32(local))}, info->ifa_prefixlen});
  }
  return found;
}

Message address_message(int type, int flags, unsigned index, const Subnet& address) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<unsigned char>(address.prefix);
  header.ifa_index = index;
  Message message(type, flags);
  message.header(header).number(IFA_LOCAL, htonl(address.address.value));
  if (type == RTM_NEWADDR) message.number(IFA_BROADCAST, htonl(address.broadcast().value));
  return message;
}

/// With a MAC address of its own: else it takes the lowest of its ports', and changes it as
/// containers come and go, under the feet of everybody who knows the gateway by it.
Message create_message(const BridgeSettings& settings) {
  const std::string mac = parse_mac("02:42:" + random_hex(1) + ":" + random_hex(1) + ":" +
                                    random_hex(1) + ":" + random_hex(1));
  ifinfomsg header{};
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  Message message(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
  message.header(header).text(IFLA_IFNAME, settings.name);
  message.number(IFLA_MTU, static_cast<std::uint32_t>(settings.mtu));
  message.bytes(IFLA_ADDRESS, std::as_bytes(std::span(mac)));
  message.begin(IFLA_LINKINFO).text(IFLA_INFO_KIND, "bridge").end();
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

}  // namespace

void check_interface_name(std::string_view name) {
  const bool printable = std::all_of(name.begin(), name.end(), [](char c) {
    return c > ' ' && c < '\x7f' && c != '/' && c != ':' && c != '%' && c != '"';
  });
  if (name.empty() || name.size() >= IFNAMSIZ || !printable || name == "." || name == ".." ||
      name.starts_with('-') || name.starts_with('!') || name.ends_with('+')) {
    throw Error(
        ErrorKind::kInvalidArgument,
        fmt::format("invalid name of a bridge \"{}\": want up to 15 letters and digits", name));
  }
}

Subnet ensure_bridge(const BridgeSettings& settings) {
  Socket socket(NETLINK_ROUTE);
  const std::string action = "set up the bridge " + settings.name;
  auto link = find_link(socket, settings.name);
  if (link && link->kind != "bridge") {
    throw Error(ErrorKind::kConflict,
                fmt::format("cannot use the interface {} as a bridge: it is {}", settings.name,
                            link->kind.empty() ? "a device" : "of the kind " + link->kind));
  }
  std::vector<Message> changes;
  if (!link) {
    socket.execute(create_message(settings), "make the bridge " + settings.name);
    link = Link{socket.index_of(settings.name).value_or(0), true, "bridge"};
  } else if (!link->is_up) {
    changes.push_back(up_message(link->index));
  }
  const std::vector<Subnet> present = addresses_of(socket, link->index);
  if (!present.empty() && settings.keep_address) {
    socket.execute(changes, action);
    return present.front();
  }
  if (std::find(present.begin(), present.end(), settings.address) == present.end()) {
    for (const Subnet& other : present) {
      changes.push_back(address_message(RTM_DELADDR, 0, link->index, other));
    }
    changes.push_back(
        address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, link->index, settings.address));
  }
  socket.execute(changes, action);
  return settings.address;
}

bool has_interface(const std::string& name) {
  return Socket(NETLINK_ROUTE).index_of(name).has_value();
}

void remove_bridge(const std::string& name) {
  Socket socket(NETLINK_ROUTE);
  const auto link = find_link(socket, name);
  if (!link || link->kind != "bridge") return;
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(link->index);
  Message message(RTM_DELLINK);
  message.header(header);
  const int error = socket.try_all({&message, 1}).front();
  if (error != 0 && error != ENODEV) throw_errno("cannot remove the bridge", name, error);
}

std::vector<Subnet> subnets_of_host() {
  Socket socket(NETLINK_ROUTE);
  rtmsg header{};
  header.rtm_family = AF_INET;
  Message request(RTM_GETROUTE, NLM_F_DUMP);
  request.header(header);
  std::vector<Subnet> found;
  for (Received& part : socket.ask(request, "list routes")) {
    auto* message = reinterpret_cast<nlmsghdr*>(part.data());
    const auto* info = static_cast<const rtmsg*>(nlmsg_data(message));
    const nlattr* target = nlmsg_find_attr(message, sizeof(rtmsg), RTA_DST);
    const bool is_route = message->nlmsg_type == RTM_NEWROUTE && info->rtm_type == RTN_UNICAST;
    if (!is_route || target == nullptr || info->rtm_dst_len == 0) continue;
    found.push_back(Subnet{Ipv4{ntohl(nla_get_u32(target))}, info->rtm_dst_len});
  }
  return found;
}

bool enable_forwarding() {
  if (trim(read_file(kForwarding)) == "1") return false;
  write_existing(kForwarding, "1\n");
  return true;
}

}  // namespace berth::network
