// Reading one entry; see conntrack_entry.h.
#include "conntrack_entry.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>

#include <cstring>

#include "netlink.h"

namespace conntrack {
namespace {

bool ReadAddress(const netlink::Attribute& v4, const netlink::Attribute& v6, uint8_t out[16]) {
  if (v6.size >= 16) {
    memcpy(out, v6.data, 16);
    return true;
  }
  if (v4.size < 4) return false;
  memset(out, 0, 10);
  memset(out + 10, 0xff, 2);
  memcpy(out + 12, v4.data, 4);
  return true;
}

void Copy(const netlink::Attribute& from, uint8_t out[2]) {
  if (from.size >= 2) memcpy(out, from.data, 2);
}

// `opener`: the tuple's source is who sent the first packet.
bool ReadTuple(const netlink::Attribute& from, bool opener, Tuple& out, uint8_t& proto) {
  if (!from.there()) return false;
  auto parts = netlink::Attributes(from.data, from.size, CTA_TUPLE_MAX);
  const netlink::Attribute& ip = parts[CTA_TUPLE_IP];
  const netlink::Attribute& l4 = parts[CTA_TUPLE_PROTO];
  if (!ip.there() || !l4.there()) return false;
  auto a = netlink::Attributes(ip.data, ip.size, CTA_IP_MAX);
  auto p = netlink::Attributes(l4.data, l4.size, CTA_PROTO_MAX);
  if (p[CTA_PROTO_NUM].size < 1) return false;
  proto = p[CTA_PROTO_NUM].data[0];
  Copy(p[CTA_PROTO_SRC_PORT], out.sport);
  Copy(p[CTA_PROTO_DST_PORT], out.dport);
  uint8_t* identifier = opener ? out.sport : out.dport;
  Copy(p[CTA_PROTO_ICMP_ID], identifier);
  Copy(p[CTA_PROTO_ICMPV6_ID], identifier);
  return ReadAddress(a[CTA_IP_V4_SRC], a[CTA_IP_V6_SRC], out.src) &&
         ReadAddress(a[CTA_IP_V4_DST], a[CTA_IP_V6_DST], out.dst);
}

uint32_t StatusOf(const netlink::Attribute& status) { return ntohl(status.U32()); }

}  // namespace

bool Read(const nlmsghdr* message, Wanted wanted, Record& out) {
  if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_CTNETLINK) return false;
  uint8_t type = NFNL_MSG_TYPE(message->nlmsg_type);
  if (type != IPCTNL_MSG_CT_NEW && type != IPCTNL_MSG_CT_DELETE) return false;
  auto a = netlink::Attributes(message, sizeof(nfgenmsg), CTA_MAX);
  // Asked again here: an older kernel doesn't know the filter of a dump.
  if (wanted == Wanted::kTranslated && (StatusOf(a[CTA_STATUS]) & kTranslated) == 0) return false;
  memset(&out, 0, sizeof out);
  out.op = type == IPCTNL_MSG_CT_DELETE ? kDestroyed : kNew;
  uint8_t proto = 0;
  return ReadTuple(a[CTA_TUPLE_ORIG], true, out.orig, out.proto) && ReadTuple(a[CTA_TUPLE_REPLY], false, out.reply, proto);
}

}  // namespace conntrack
