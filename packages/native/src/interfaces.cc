// The network interfaces of a namespace with addresses and counters (RTM_GETLINK, RTM_GETADDR). A snapshot; changes
// are watch.cc's part.
#include "interfaces.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <cstring>
#include <vector>

#include "address.h"
#include "args.h"
#include "netlink.h"
#include "netns.h"

namespace {

// The members of struct rtnl_link_stats64, in its order; newer kernels append.
constexpr const char* kCounters[] = {
    "rx_packets",       "tx_packets",        "rx_bytes",          "tx_bytes",        "rx_errors",       "tx_errors",
    "rx_dropped",       "tx_dropped",        "multicast",         "collisions",      "rx_length_errors", "rx_over_errors",
    "rx_crc_errors",    "rx_frame_errors",   "rx_fifo_errors",    "rx_missed_errors", "tx_aborted_errors", "tx_carrier_errors",
    "tx_fifo_errors",   "tx_heartbeat_errors", "tx_window_errors", "rx_compressed",   "tx_compressed",   "rx_nohandler",
    "rx_otherhost_dropped"};
constexpr size_t kCounterCount = sizeof kCounters / sizeof *kCounters;

struct Address {
  std::string text;
  uint8_t family, prefix, scope;
};

struct Interface {
  int ifindex = 0;
  std::string name, kind, mac, alias;
  uint32_t mtu = 0, flags = 0;
  bool has_peer = false, has_peer_netns = false;
  uint32_t peer_ifindex = 0;
  int peer_netns_id = 0;
  std::vector<uint64_t> counters;
  std::vector<Address> addresses;
};

Interface ReadLink(const nlmsghdr* message) {
  auto* head = static_cast<const ifinfomsg*>(NLMSG_DATA(message));
  auto a = netlink::Attributes(message, sizeof(ifinfomsg), IFLA_MAX);
  Interface out;
  out.ifindex = head->ifi_index;
  out.flags = head->ifi_flags;
  if (a[IFLA_IFNAME].there()) out.name = a[IFLA_IFNAME].Text();
  if (a[IFLA_ADDRESS].there()) out.mac = address::MacText(a[IFLA_ADDRESS].data, a[IFLA_ADDRESS].size);
  if (a[IFLA_IFALIAS].there()) out.alias = a[IFLA_IFALIAS].Text();
  out.mtu = a[IFLA_MTU].U32();
  if (a[IFLA_LINKINFO].there()) {
    auto info = netlink::Attributes(a[IFLA_LINKINFO].data, a[IFLA_LINKINFO].size, IFLA_INFO_MAX);
    if (info[IFLA_INFO_KIND].there()) out.kind = info[IFLA_INFO_KIND].Text();
  }
  out.has_peer = a[IFLA_LINK].there();
  out.peer_ifindex = a[IFLA_LINK].U32();
  out.has_peer_netns = a[IFLA_LINK_NETNSID].there();
  out.peer_netns_id = static_cast<int>(a[IFLA_LINK_NETNSID].U32());
  const netlink::Attribute& stats = a[IFLA_STATS64];
  out.counters.resize(stats.there() ? std::min(stats.size / sizeof(uint64_t), kCounterCount) : 0);
  // Attributes are only 4-aligned.
  if (!out.counters.empty()) memcpy(out.counters.data(), stats.data, out.counters.size() * sizeof(uint64_t));
  return out;
}

void ReadAddress(const nlmsghdr* message, std::vector<Interface>& interfaces) {
  auto* head = static_cast<const ifaddrmsg*>(NLMSG_DATA(message));
  auto a = netlink::Attributes(message, sizeof(ifaddrmsg), IFA_MAX);
  // On a point-to-point interface IFA_ADDRESS is the far end.
  const netlink::Attribute& own = a[IFA_LOCAL].there() ? a[IFA_LOCAL] : a[IFA_ADDRESS];
  std::string text = address::IpText(head->ifa_family, own.data, own.size);
  if (text.empty()) return;
  for (Interface& i : interfaces) {
    if (i.ifindex == static_cast<int>(head->ifa_index)) {
      i.addresses.push_back({text, head->ifa_family, head->ifa_prefixlen, head->ifa_scope});
    }
  }
}

std::vector<Interface> ReadInterfaces() {
  std::vector<Interface> out;
  Fd socket = netlink::Open(NETLINK_ROUTE, 0, "links");
  ifinfomsg every_link = {};
  netlink::Request get_links(RTM_GETLINK, NLM_F_DUMP, &every_link, sizeof every_link);
  netlink::Dump(
      socket.get(), get_links, "links",
      [&](const nlmsghdr* m) {
        if (m->nlmsg_type == RTM_NEWLINK) out.push_back(ReadLink(m));
      },
      [&] { out.clear(); });
  ifaddrmsg every_address = {};
  netlink::Request get_addresses(RTM_GETADDR, NLM_F_DUMP, &every_address, sizeof every_address);
  netlink::Dump(
      socket.get(), get_addresses, "addresses",
      [&](const nlmsghdr* m) {
        if (m->nlmsg_type == RTM_NEWADDR) ReadAddress(m, out);
      },
      [&] {
        for (Interface& i : out) i.addresses.clear();
      });
  return out;
}

Napi::Array ToArray(Napi::Env env, const std::vector<Address>& addresses) {
  auto out = Napi::Array::New(env);
  for (const Address& a : addresses) {
    auto entry = Napi::Object::New(env);
    entry.Set("address", a.text);
    entry.Set("prefix", a.prefix);
    entry.Set("family", a.family == AF_INET ? 4 : 6);
    entry.Set("scope", a.scope);
    out.Set(out.Length(), entry);
  }
  return out;
}

Napi::Object ToObject(Napi::Env env, const Interface& i) {
  auto out = Napi::Object::New(env);
  out.Set("ifindex", i.ifindex);
  out.Set("name", i.name);
  out.Set("kind", i.kind);
  out.Set("mac", i.mac);
  if (!i.alias.empty()) out.Set("alias", i.alias);
  out.Set("mtu", i.mtu);
  out.Set("up", (i.flags & IFF_UP) != 0);
  out.Set("loopback", (i.flags & IFF_LOOPBACK) != 0);
  if (i.has_peer) out.Set("peerIfindex", i.peer_ifindex);
  if (i.has_peer_netns) out.Set("peerNetnsId", i.peer_netns_id);
  out.Set("addresses", ToArray(env, i.addresses));
  auto counters = Napi::Object::New(env);
  for (size_t n = 0; n < i.counters.size(); n++) counters.Set(kCounters[n], Napi::BigInt::New(env, i.counters[n]));
  out.Set("stats64", counters);
  return out;
}

}  // namespace

Napi::Value Links(const Napi::CallbackInfo& info) {
  std::vector<Interface> interfaces;
  netns::Run(args::OptionalString(info, 0), [&] { interfaces = ReadInterfaces(); });
  auto out = Napi::Array::New(info.Env());
  for (const Interface& i : interfaces) out.Set(out.Length(), ToObject(info.Env(), i));
  return out;
}
