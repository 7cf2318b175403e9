// IPCTNL_MSG_CT_GET over nfnetlink; see conntrack.h.
#include "conntrack.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include <vector>

#include "args.h"
#include "netlink.h"
#include "netns.h"

namespace {

struct Tuple {
  std::string src, dst;
  uint16_t sport = 0, dport = 0;
  uint8_t proto = 0;
};

struct Entry {
  Tuple orig, reply;
};

std::string Ip(const netlink::Attribute& v4, const netlink::Attribute& v6) {
  char text[INET6_ADDRSTRLEN] = "";
  if (v4.size >= 4) inet_ntop(AF_INET, v4.data, text, sizeof text);
  if (v6.size >= 16) inet_ntop(AF_INET6, v6.data, text, sizeof text);
  return text;
}

Tuple ReadTuple(const netlink::Attribute& from) {
  Tuple out;
  if (!from.there()) return out;
  auto parts = netlink::Attributes(from.data, from.size, CTA_TUPLE_MAX);
  const netlink::Attribute& ip = parts[CTA_TUPLE_IP];
  const netlink::Attribute& l4 = parts[CTA_TUPLE_PROTO];
  if (ip.there()) {
    auto a = netlink::Attributes(ip.data, ip.size, CTA_IP_MAX);
    out.src = Ip(a[CTA_IP_V4_SRC], a[CTA_IP_V6_SRC]);
    out.dst = Ip(a[CTA_IP_V4_DST], a[CTA_IP_V6_DST]);
  }
  if (l4.there()) {
    auto a = netlink::Attributes(l4.data, l4.size, CTA_PROTO_MAX);
    if (a[CTA_PROTO_NUM].there()) out.proto = a[CTA_PROTO_NUM].data[0];
    out.sport = a[CTA_PROTO_SRC_PORT].Be16();
    out.dport = a[CTA_PROTO_DST_PORT].Be16();
  }
  return out;
}

void ReadFamily(int fd, uint8_t family, std::vector<Entry>& entries) {
  nfgenmsg head = {family, NFNETLINK_V0, 0};
  netlink::Request request((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &head, sizeof head);
  size_t before = entries.size();
  netlink::Dump(
      fd, request, "conntrack_dump",
      [&](const nlmsghdr* m) {
        auto a = netlink::Attributes(m, sizeof(nfgenmsg), CTA_MAX);
        entries.push_back({ReadTuple(a[CTA_TUPLE_ORIG]), ReadTuple(a[CTA_TUPLE_REPLY])});
      },
      [&] { entries.resize(before); });
}

Napi::Object ToObject(Napi::Env env, const Tuple& tuple) {
  auto out = Napi::Object::New(env);
  out.Set("src", tuple.src);
  out.Set("dst", tuple.dst);
  out.Set("sport", tuple.sport);
  out.Set("dport", tuple.dport);
  return out;
}

}  // namespace

Napi::Value ConntrackDump(const Napi::CallbackInfo& info) {
  std::vector<Entry> entries;
  netns::Run(args::OptionalString(info, 0), [&] {
    Fd socket = netlink::Open(NETLINK_NETFILTER, 0, "conntrack_dump");
    ReadFamily(socket.get(), AF_INET, entries);
    ReadFamily(socket.get(), AF_INET6, entries);
  });
  auto out = Napi::Array::New(info.Env(), entries.size());
  for (size_t i = 0; i < entries.size(); i++) {
    auto entry = Napi::Object::New(info.Env());
    entry.Set("proto", entries[i].orig.proto);
    entry.Set("orig", ToObject(info.Env(), entries[i].orig));
    entry.Set("reply", ToObject(info.Env(), entries[i].reply));
    out.Set(static_cast<uint32_t>(i), entry);
  }
  return out;
}
