// Addresses and neighbours; see address_config.h.
#include "address_config.h"

#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <string>
#include <vector>

#include "address.h"
#include "args.h"
#include "fields.h"
#include "handle.h"
#include "netlink.h"
#include "netns.h"

namespace {

struct Neighbour {
  std::string ip, mac;
  uint8_t family;
  uint16_t state;
};

std::string OnDevice(const std::string& what, uint32_t ifindex) { return what + " on ifindex " + std::to_string(ifindex); }

void ChangeAddress(const Napi::Object& from, uint16_t type, uint16_t flags, const std::string& op) {
  address::Ip ip = address::ParseIp(fields::Text(from, "address"), op);
  ifaddrmsg head = {};
  head.ifa_family = ip.family;
  head.ifa_prefixlen = static_cast<uint8_t>(fields::Uint32(from, "prefix"));
  head.ifa_scope = static_cast<uint8_t>(fields::Uint32(from, "scope"));
  head.ifa_index = fields::Uint32(from, "ifindex");
  netlink::Request request(type, NLM_F_ACK | flags, &head, sizeof head);
  request.Put(IFA_LOCAL, ip.bytes.data(), ip.size());
  request.Put(IFA_ADDRESS, ip.bytes.data(), ip.size());
  uint32_t marks = (fields::IsTrue(from, "noDad") ? IFA_F_NODAD : 0) | (fields::IsTrue(from, "noPrefixRoute") ? IFA_F_NOPREFIXROUTE : 0);
  if (marks != 0) request.PutU32(IFA_FLAGS, marks);
  std::string what = fields::Text(from, "address") + "/" + std::to_string(head.ifa_prefixlen);
  netns::Run(fields::Text(from, "netns"), [&] { netlink::Change(request, op, OnDevice(what, head.ifa_index)); });
}

Napi::Value AddAddress(const Napi::CallbackInfo& info) {
  ChangeAddress(args::Object(info, 0), RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, "add_address");
  return info.Env().Undefined();
}

Napi::Value DeleteAddress(const Napi::CallbackInfo& info) {
  ChangeAddress(args::Object(info, 0), RTM_DELADDR, 0, "delete_address");
  return info.Env().Undefined();
}

Napi::Value SetNeighbour(const Napi::CallbackInfo& info) {
  Napi::Object from = args::Object(info, 0);
  const char* op = "set_neighbour";
  address::Ip ip = address::ParseIp(fields::Text(from, "address"), op);
  address::Mac mac = address::ParseMac(fields::Text(from, "mac"), op);
  ndmsg head = {};
  head.ndm_family = ip.family;
  head.ndm_ifindex = static_cast<int>(fields::Uint32(from, "ifindex"));
  head.ndm_state = NUD_PERMANENT;
  netlink::Request request(RTM_NEWNEIGH, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE, &head, sizeof head);
  request.Put(NDA_DST, ip.bytes.data(), ip.size());
  request.Put(NDA_LLADDR, mac.data(), mac.size());
  std::string what = OnDevice(fields::Text(from, "address"), fields::Uint32(from, "ifindex"));
  netns::Run(fields::Text(from, "netns"), [&] { netlink::Change(request, op, what); });
  return info.Env().Undefined();
}

void ReadNeighbour(const nlmsghdr* message, uint32_t ifindex, std::vector<Neighbour>& out) {
  auto* head = static_cast<const ndmsg*>(NLMSG_DATA(message));
  bool ours = message->nlmsg_type == RTM_NEWNEIGH && static_cast<uint32_t>(head->ndm_ifindex) == ifindex;
  if (!ours || (head->ndm_family != AF_INET && head->ndm_family != AF_INET6)) return;
  auto a = netlink::Attributes(message, sizeof(ndmsg), NDA_MAX);
  out.push_back({address::IpText(head->ndm_family, a[NDA_DST].data, a[NDA_DST].size),
                 address::MacText(a[NDA_LLADDR].data, a[NDA_LLADDR].size), head->ndm_family, head->ndm_state});
}

std::vector<Neighbour> DumpNeighbours(uint32_t ifindex) {
  std::vector<Neighbour> out;
  ndmsg every = {};
  netlink::Request request(RTM_GETNEIGH, NLM_F_DUMP, &every, sizeof every);
  request.PutU32(NDA_IFINDEX, ifindex);
  Fd socket = netlink::Open(NETLINK_ROUTE, 0, "neighbours");
  netlink::Dump(
      socket.get(), request, "neighbours", [&](const nlmsghdr* m) { ReadNeighbour(m, ifindex, out); }, [&] { out.clear(); });
  return out;
}

const char* StateName(uint16_t state) {
  switch (state) {
    case NUD_NONE: return "none";
    case NUD_INCOMPLETE: return "incomplete";
    case NUD_REACHABLE: return "reachable";
    case NUD_STALE: return "stale";
    case NUD_DELAY: return "delay";
    case NUD_PROBE: return "probe";
    case NUD_FAILED: return "failed";
    case NUD_NOARP: return "noarp";
    case NUD_PERMANENT: return "permanent";
    default: return "unknown";
  }
}

Napi::Value Neighbours(const Napi::CallbackInfo& info) {
  uint32_t ifindex = args::Uint32(info, 1);
  std::vector<Neighbour> found;
  netns::Run(args::OptionalString(info, 0), [&] { found = DumpNeighbours(ifindex); });
  auto out = Napi::Array::New(info.Env());
  for (const Neighbour& n : found) {
    auto entry = Napi::Object::New(info.Env());
    entry.Set("address", n.ip);
    entry.Set("family", n.family == AF_INET ? 4 : 6);
    if (!n.mac.empty()) entry.Set("mac", n.mac);
    entry.Set("state", StateName(n.state));
    out.Set(out.Length(), entry);
  }
  return out;
}

}  // namespace

void DefineAddressConfig(Napi::Env env, Napi::Object exports) {
  exports.Set("addAddress", Edge<AddAddress>(env, "addAddress"));
  exports.Set("deleteAddress", Edge<DeleteAddress>(env, "deleteAddress"));
  exports.Set("setNeighbour", Edge<SetNeighbour>(env, "setNeighbour"));
  exports.Set("neighbours", Edge<Neighbours>(env, "neighbours"));
}
