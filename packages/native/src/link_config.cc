// Network devices; see link_config.h.
#include "link_config.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>

#include <cerrno>

#include "address.h"
#include "args.h"
#include "fields.h"
#include "handle.h"
#include "kernel_abi.h"
#include "netlink.h"
#include "netns.h"

namespace {

// The device an object names by index, else by name. Not both: a name beside an index would rename it.
struct Target {
  explicit Target(const Napi::Object& from) : ifindex(fields::Uint32(from, "ifindex")), name(fields::Text(from, "name")) {}

  std::string Describe() const { return ifindex != 0 ? "ifindex " + std::to_string(ifindex) : name; }
  void PutName(netlink::Request& request) const {
    if (ifindex == 0) request.Put(IFLA_IFNAME, name);
  }

  uint32_t ifindex;
  std::string name;
};

struct Ends {
  uint32_t ifindex = 0, peer_ifindex = 0;
};

// `pair` has what both ends share.
void PutEnd(netlink::Request& request, const Napi::Object& end, const Napi::Object& pair, const std::string& op) {
  request.Put(IFLA_IFNAME, fields::Text(end, "name"));
  std::string mac = fields::Text(end, "mac");
  if (!mac.empty()) {
    address::Mac bytes = address::ParseMac(mac, op);
    request.Put(IFLA_ADDRESS, bytes.data(), bytes.size());
  }
  if (fields::IsThere(end, "mtu")) request.PutU32(IFLA_MTU, fields::Uint32(end, "mtu"));
  if (!fields::IsThere(pair, "txQueues")) return;
  request.PutU32(IFLA_NUM_TX_QUEUES, fields::Uint32(pair, "txQueues"));
}

void PutNetkit(netlink::Request& request, const Napi::Object& pair) {
  request.PutU32(kernel_abi::kNetkitMode, kernel_abi::kNetkitL3);
  auto policy = [&](const char* key) { return fields::Text(pair, key) == "drop" ? kernel_abi::kNetkitDrop : kernel_abi::kNetkitPass; };
  request.PutU32(kernel_abi::kNetkitPolicy, policy("policy"));
  request.PutU32(kernel_abi::kNetkitPeerPolicy, policy("peerPolicy"));
}

Ends LookUp(const std::string& name, const std::string& op) {
  Ends out;
  ifinfomsg head = {};
  netlink::Request request(RTM_GETLINK, 0, &head, sizeof head);
  request.Put(IFLA_IFNAME, name);
  Fd socket = netlink::Open(NETLINK_ROUTE, 0, op);
  int error = netlink::Answered(socket.get(), request, op, [&](const nlmsghdr* m) {
    out.ifindex = static_cast<uint32_t>(static_cast<const ifinfomsg*>(NLMSG_DATA(m))->ifi_index);
    out.peer_ifindex = netlink::Attributes(m, sizeof(ifinfomsg), IFLA_MAX)[IFLA_LINK].U32();
  });
  if (error != 0) throw Failure(error, op, name);
  return out;
}

// One request makes both ends, the peer inside its namespace: the kernel makes the two or neither.
netlink::Request PairRequest(const std::string& kind, const Napi::Object& pair, int peer_netns, const std::string& op) {
  Napi::Object peer = pair.Get("peer").As<Napi::Object>();
  ifinfomsg head = {};
  netlink::Request request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
  PutEnd(request, pair, pair, op);
  size_t info = request.Begin(IFLA_LINKINFO);
  request.Put(IFLA_INFO_KIND, kind);
  size_t data = request.Begin(IFLA_INFO_DATA);
  if (kind == "netkit") PutNetkit(request, pair);
  static_assert(VETH_INFO_PEER == kernel_abi::kNetkitPeerInfo, "one number for both kinds");
  size_t other = request.Begin(VETH_INFO_PEER);
  request.Append(&head, sizeof head);
  PutEnd(request, peer, pair, op);
  request.PutU32(IFLA_NET_NS_FD, static_cast<uint32_t>(peer_netns));
  request.End(other);
  request.End(data);
  request.End(info);
  return request;
}

// ('veth' | 'netkit', pair) -> { ifindex, peerIfindex }
Napi::Value CreatePair(const Napi::CallbackInfo& info) {
  std::string kind = args::String(info, 0);
  Napi::Object pair = args::Object(info, 1);
  args::Require(info, pair.Get("peer").IsObject(), 1, "a peer");
  std::string op = "create_" + kind, name = fields::Text(pair, "name");
  Fd peer_netns = netns::Open(fields::Text(pair.Get("peer").As<Napi::Object>(), "netns"));
  netlink::Request request = PairRequest(kind, pair, peer_netns.get(), op);
  Ends ends;
  netns::Run(fields::Text(pair, "netns"), [&] {
    netlink::Change(request, op, name);
    ends = LookUp(name, op);
  });
  auto out = Napi::Object::New(info.Env());
  out.Set("ifindex", ends.ifindex);
  out.Set("peerIfindex", ends.peer_ifindex);
  return out;
}

Napi::Value SetLink(const Napi::CallbackInfo& info) {
  Napi::Object link = args::Object(info, 0);
  Target target(link);
  ifinfomsg head = {};
  head.ifi_index = static_cast<int>(target.ifindex);
  if (fields::IsThere(link, "up")) {
    head.ifi_change = IFF_UP;
    head.ifi_flags = fields::IsTrue(link, "up") ? IFF_UP : 0;
  }
  netlink::Request request(RTM_SETLINK, NLM_F_ACK, &head, sizeof head);
  target.PutName(request);
  if (fields::IsThere(link, "mtu")) request.PutU32(IFLA_MTU, fields::Uint32(link, "mtu"));
  if (fields::IsThere(link, "mac")) {
    address::Mac mac = address::ParseMac(fields::Text(link, "mac"), "set_link");
    request.Put(IFLA_ADDRESS, mac.data(), mac.size());
  }
  if (fields::IsThere(link, "alias")) {
    std::string alias = fields::Text(link, "alias");
    request.Put(IFLA_IFALIAS, alias.data(), alias.size());  // without NUL: empty takes it away
  }
  netns::Run(fields::Text(link, "netns"), [&] { netlink::Change(request, "set_link", target.Describe()); });
  return info.Env().Undefined();
}

Napi::Value DeleteLink(const Napi::CallbackInfo& info) {
  Napi::Object link = args::Object(info, 0);
  Target target(link);
  ifinfomsg head = {};
  head.ifi_index = static_cast<int>(target.ifindex);
  netlink::Request request(RTM_DELLINK, NLM_F_ACK, &head, sizeof head);
  target.PutName(request);
  netns::Run(fields::Text(link, "netns"), [&] { netlink::Change(request, "delete_link", target.Describe()); });
  return info.Env().Undefined();
}

}  // namespace

void DefineLinkConfig(Napi::Env env, Napi::Object exports) {
  exports.Set("createPair", Edge<CreatePair>(env, "createPair"));
  exports.Set("setLink", Edge<SetLink>(env, "setLink"));
  exports.Set("deleteLink", Edge<DeleteLink>(env, "deleteLink"));
}
