#include "daemon/network/conntrack.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>

#include "daemon/network/netlink.hpp"

namespace berth::network {

namespace {

// Bits of CTA_FILTER_REPLY_FLAGS; the kernel keeps their names to itself
// (net/netfilter/nf_conntrack_netlink.c, CTA_FILTER_F_*).
constexpr std::uint32_t kFilterSourceAddress = 1U << 0U;

}  // namespace

void forget_connections(Ipv4 address) {
  nfgenmsg header{};
  header.nfgen_family = AF_INET;
  header.version = NFNETLINK_V0;
  Message message((NFNL_SUBSYS_CTNETLINK << 8U) | IPCTNL_MSG_CT_DELETE);
  message.header(header);
  message.begin(CTA_TUPLE_REPLY | NLA_F_NESTED).begin(CTA_TUPLE_IP | NLA_F_NESTED);
  message.number(CTA_IP_V4_SRC, htonl(address.value)).end().end();
  message.begin(CTA_FILTER | NLA_F_NESTED);
  message.number(CTA_FILTER_ORIG_FLAGS, std::uint32_t{0});
  message.number(CTA_FILTER_REPLY_FLAGS, kFilterSourceAddress).end();
  Socket(NETLINK_NETFILTER).try_all({&message, 1});
}

}  // namespace berth::network
