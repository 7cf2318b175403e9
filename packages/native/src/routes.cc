// Routes; see routes.h.
#include "routes.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "address.h"
#include "args.h"
#include "fields.h"
#include "handle.h"
#include "netlink.h"
#include "netns.h"

#ifndef NETLINK_GET_STRICT_CHK
#define NETLINK_GET_STRICT_CHK 12
#endif

namespace {

struct Route {
  address::Ip destination, via, source;
  uint8_t prefix = 0, scope = RT_SCOPE_UNIVERSE, protocol = RTPROT_UNSPEC;
  uint32_t ifindex = 0, table = RT_TABLE_MAIN, mtu = 0;
  bool onlink = false;
};

Route FromObject(const Napi::Object& from, const std::string& op) {
  Route out;
  out.destination = address::ParseIp(fields::Text(from, "destination"), op);
  out.via = address::ParseIp(fields::Text(from, "via"), op);
  out.source = address::ParseIp(fields::Text(from, "source"), op);
  out.prefix = static_cast<uint8_t>(fields::Uint32(from, "prefix"));
  out.scope = static_cast<uint8_t>(fields::Uint32(from, "scope", RT_SCOPE_NOWHERE));
  out.protocol = static_cast<uint8_t>(fields::Uint32(from, "protocol"));
  out.ifindex = fields::Uint32(from, "ifindex");
  out.table = fields::Uint32(from, "table", RT_TABLE_MAIN);
  out.mtu = fields::Uint32(from, "mtu");
  out.onlink = fields::IsTrue(from, "onlink");
  return out;
}

void PutIp(netlink::Request& request, uint16_t type, const address::Ip& ip) {
  if (ip.there()) request.Put(type, ip.bytes.data(), ip.size());
}

// since: 5.2 (an IPv6 gateway of an IPv4 route)
void PutGateway(netlink::Request& request, const Route& route) {
  if (!route.via.there() || route.via.family == route.destination.family) return PutIp(request, RTA_GATEWAY, route.via);
  std::vector<uint8_t> bytes(sizeof(rtvia) + route.via.size());
  uint16_t family = route.via.family;
  memcpy(bytes.data(), &family, sizeof family);
  memcpy(bytes.data() + sizeof(rtvia), route.via.bytes.data(), route.via.size());
  request.Put(RTA_VIA, bytes.data(), bytes.size());
}

// Locked: the kernel must not learn another for it from what it is told on the way.
void PutMtu(netlink::Request& request, uint32_t mtu) {
  if (mtu == 0) return;
  size_t metrics = request.Begin(RTA_METRICS);
  request.PutU32(RTAX_LOCK, 1u << RTAX_MTU);
  request.PutU32(RTAX_MTU, mtu);
  request.End(metrics);
}

netlink::Request ToRequest(const Route& route, uint16_t type, uint16_t flags) {
  rtmsg head = {};
  head.rtm_family = route.destination.family;
  head.rtm_dst_len = route.prefix;
  head.rtm_protocol = route.protocol;
  head.rtm_scope = route.scope;
  head.rtm_type = RTN_UNICAST;
  head.rtm_flags = route.onlink ? RTNH_F_ONLINK : 0;
  netlink::Request request(type, NLM_F_ACK | flags, &head, sizeof head);
  PutIp(request, RTA_DST, route.destination);
  PutGateway(request, route);
  PutIp(request, RTA_PREFSRC, route.source);
  if (route.ifindex != 0) request.PutU32(RTA_OIF, route.ifindex);
  request.PutU32(RTA_TABLE, route.table);
  PutMtu(request, route.mtu);
  return request;
}

Napi::Value ChangeRoute(const Napi::CallbackInfo& info, uint16_t type, uint16_t flags, const std::string& op) {
  Napi::Object from = args::Object(info, 0);
  netlink::Request request = ToRequest(FromObject(from, op), type, flags);
  std::string what = fields::Text(from, "destination") + "/" + std::to_string(fields::Uint32(from, "prefix"));
  netns::Run(fields::Text(from, "netns"), [&] { netlink::Change(request, op, what); });
  return info.Env().Undefined();
}

Napi::Value AddRoute(const Napi::CallbackInfo& info) {
  return ChangeRoute(info, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, "add_route");
}

Napi::Value ReplaceRoute(const Napi::CallbackInfo& info) {
  return ChangeRoute(info, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, "replace_route");
}

Napi::Value DeleteRoute(const Napi::CallbackInfo& info) { return ChangeRoute(info, RTM_DELROUTE, 0, "delete_route"); }

address::Ip ReadIp(uint8_t family, const netlink::Attribute& from) {
  address::Ip out;
  out.family = family;
  if (from.there()) memcpy(out.bytes.data(), from.data, std::min(from.size, out.size()));
  return out;
}

address::Ip ReadVia(const netlink::Attribute& from) {
  if (from.size < sizeof(rtvia)) return {};
  uint16_t family;
  memcpy(&family, from.data, sizeof family);
  return ReadIp(static_cast<uint8_t>(family), {from.data + sizeof(rtvia), from.size - sizeof(rtvia)});
}

Route ReadRoute(const rtmsg* head, const std::vector<netlink::Attribute>& a) {
  Route out;
  out.destination = ReadIp(head->rtm_family, a[RTA_DST]);
  out.prefix = head->rtm_dst_len;
  if (a[RTA_GATEWAY].there()) out.via = ReadIp(head->rtm_family, a[RTA_GATEWAY]);
  if (a[RTA_VIA].there()) out.via = ReadVia(a[RTA_VIA]);
  if (a[RTA_PREFSRC].there()) out.source = ReadIp(head->rtm_family, a[RTA_PREFSRC]);
  out.ifindex = a[RTA_OIF].U32();
  out.onlink = (head->rtm_flags & RTNH_F_ONLINK) != 0;
  out.scope = head->rtm_scope;
  out.protocol = head->rtm_protocol;
  out.table = a[RTA_TABLE].there() ? a[RTA_TABLE].U32() : head->rtm_table;
  if (a[RTA_METRICS].there()) out.mtu = netlink::Attributes(a[RTA_METRICS].data, a[RTA_METRICS].size, RTAX_MAX)[RTAX_MTU].U32();
  return out;
}

// protocol: RTPROT_UNSPEC for all.
std::vector<Route> Dump(uint8_t family, uint8_t protocol) {
  std::vector<Route> out;
  rtmsg wanted = {};
  wanted.rtm_family = family;
  wanted.rtm_protocol = protocol;
  netlink::Request request(RTM_GETROUTE, NLM_F_DUMP, &wanted, sizeof wanted);
  Fd socket = netlink::Open(NETLINK_ROUTE, 0, "list_routes");
  // The kernel picks out the protocol's, of what may be a million. since: 4.20; older ones give all
  int on = 1;
  setsockopt(socket.get(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
  auto take = [&](const nlmsghdr* m) {
    auto* head = static_cast<const rtmsg*>(NLMSG_DATA(m));
    // A kernel without IPv6 answers with the other family's.
    bool ours = m->nlmsg_type == RTM_NEWROUTE && head->rtm_family == family && head->rtm_type == RTN_UNICAST;
    if (!ours || (head->rtm_flags & RTM_F_CLONED) != 0 || (protocol != RTPROT_UNSPEC && head->rtm_protocol != protocol)) return;
    out.push_back(ReadRoute(head, netlink::Attributes(m, sizeof(rtmsg), RTA_MAX)));
  };
  netlink::Dump(socket.get(), request, "list_routes", take, [&] { out.clear(); });
  return out;
}

std::string Text(const address::Ip& ip) { return address::IpText(ip.family, ip.bytes.data(), ip.size()); }

Napi::Object ToObject(Napi::Env env, const Route& route) {
  auto out = Napi::Object::New(env);
  out.Set("destination", Text(route.destination) + "/" + std::to_string(route.prefix));
  if (route.via.there()) out.Set("via", Text(route.via));
  if (route.source.there()) out.Set("source", Text(route.source));
  if (route.ifindex != 0) out.Set("ifindex", route.ifindex);
  if (route.mtu != 0) out.Set("mtu", route.mtu);
  out.Set("onlink", route.onlink);
  out.Set("scope", route.scope);
  out.Set("protocol", route.protocol);
  out.Set("table", route.table);
  return out;
}

// (netns path | undefined, protocol; 0 for all) -> see Route in lib/route.ts
Napi::Value ListRoutes(const Napi::CallbackInfo& info) {
  auto protocol = static_cast<uint8_t>(args::Uint32(info, 1));
  std::vector<Route> routes;
  netns::Run(args::OptionalString(info, 0), [&] {
    for (uint8_t family : {AF_INET, AF_INET6}) {
      std::vector<Route> found = Dump(family, protocol);
      routes.insert(routes.end(), found.begin(), found.end());
    }
  });
  auto out = Napi::Array::New(info.Env());
  for (const Route& route : routes) out.Set(out.Length(), ToObject(info.Env(), route));
  return out;
}

}  // namespace

void DefineRoutes(Napi::Env env, Napi::Object exports) {
  exports.Set("addRoute", Edge<AddRoute>(env, "addRoute"));
  exports.Set("replaceRoute", Edge<ReplaceRoute>(env, "replaceRoute"));
  exports.Set("deleteRoute", Edge<DeleteRoute>(env, "deleteRoute"));
  exports.Set("listRoutes", Edge<ListRoutes>(env, "listRoutes"));
}
