// Filters of classic tc; see tc_filter.h.
#include "tc_filter.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <cstring>
#include <functional>

#include "error.h"
#include "netlink.h"

namespace tc_filter {
namespace {

constexpr uint32_t kFirst = 1;  // of the priorities
constexpr char kQdisc[] = "clsact";
constexpr char kOwnQdisc[] = " (made its qdisc)";

uint32_t Owner(uint32_t handle) { return handle >> 16; }

uint32_t Parent(bool ingress) { return TC_H_MAKE(TC_H_CLSACT, ingress ? TC_H_MIN_INGRESS : TC_H_MIN_EGRESS); }

tcmsg FilterHead(const Place& place) {
  tcmsg head = {};
  head.tcm_ifindex = static_cast<int>(place.ifindex);
  head.tcm_handle = place.handle;
  head.tcm_parent = Parent(place.ingress != 0);
  head.tcm_info = TC_H_MAKE(kFirst << 16, htons(ETH_P_ALL));
  return head;
}

tcmsg QdiscHead(const Place& place) {
  tcmsg head = {};
  head.tcm_ifindex = static_cast<int>(place.ifindex);
  head.tcm_parent = TC_H_CLSACT;
  head.tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
  return head;
}

// Of the one qdisc that filters of both directions can be in.
std::string QdiscKind(const Place& place) {
  std::string kind;
  tcmsg head = {};
  head.tcm_ifindex = static_cast<int>(place.ifindex);
  netlink::Request request(RTM_GETQDISC, NLM_F_DUMP, &head, sizeof head);
  auto take = [&](const nlmsghdr* m) {
    auto* qdisc = static_cast<const tcmsg*>(NLMSG_DATA(m));
    if (m->nlmsg_type != RTM_NEWQDISC || qdisc->tcm_ifindex != head.tcm_ifindex || qdisc->tcm_parent != TC_H_CLSACT) return;
    auto a = netlink::Attributes(m, sizeof(tcmsg), TCA_MAX);
    if (a[TCA_KIND].there()) kind = a[TCA_KIND].Text();
  };
  netlink::Dump(netlink::Open(NETLINK_ROUTE, 0, "attach").get(), request, "attach", take, [] {});
  return kind;
}

// true: it wasn't there.
bool AddQdisc(const Place& place) {
  tcmsg head = QdiscHead(place);
  netlink::Request request(RTM_NEWQDISC, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
  request.Put(TCA_KIND, std::string(kQdisc));
  Fd socket = netlink::Open(NETLINK_ROUTE, 0, "attach");
  std::string what = "clsact of ifindex " + std::to_string(place.ifindex), why;
  int error = netlink::Answered(socket.get(), request, "attach", nullptr, &why);
  if (error != 0 && error != -EEXIST) throw Failure(error, "attach", what, why);
  // The other kind takes filters for both directions and runs them all at ingress.
  std::string kind = error == 0 ? kQdisc : QdiscKind(place);
  if (kind != kQdisc) throw Failure(EBUSY, "attach", what, "in its place is somebody's qdisc " + kind);
  return error == 0;
}

struct Found {
  uint32_t handle;
  uint32_t program;
  bool own_qdisc;
};

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

void EachFilter(const Place& place, bool ingress, const std::function<void(const Found&)>& on) {
  tcmsg head = {};
  head.tcm_ifindex = static_cast<int>(place.ifindex);
  head.tcm_parent = Parent(ingress);
  netlink::Request request(RTM_GETTFILTER, NLM_F_DUMP, &head, sizeof head);
  Fd socket = netlink::Open(NETLINK_ROUTE, 0, "tc_filters");
  auto take = [&](const nlmsghdr* m) {
    auto* filter = static_cast<const tcmsg*>(NLMSG_DATA(m));
    // What a priority's filters have in common comes first, under no handle.
    if (m->nlmsg_type != RTM_NEWTFILTER || filter->tcm_handle == 0) return;
    auto a = netlink::Attributes(m, sizeof(tcmsg), TCA_MAX);
    bool first = TC_H_MAJ(filter->tcm_info) == kFirst << 16;
    bool bpf = first && a[TCA_KIND].there() && a[TCA_KIND].Text() == "bpf" && a[TCA_OPTIONS].there();
    if (!bpf) return on({0, 0, false});
    auto options = netlink::Attributes(a[TCA_OPTIONS].data, a[TCA_OPTIONS].size, TCA_BPF_MAX);
    bool own_qdisc = options[TCA_BPF_NAME].there() && EndsWith(options[TCA_BPF_NAME].Text(), kOwnQdisc);
    on({filter->tcm_handle, options[TCA_BPF_ID].U32(), own_qdisc});
  };
  // A filter told of twice changes nothing for those who ask.
  netlink::Dump(socket.get(), request, "tc_filters", take, [] {});
}

// By the owner's filters, which say so in their names: that is the only memory of it.
bool HasOwnQdisc(const Place& place) {
  bool own = false;
  for (bool ingress : {true, false}) {
    EachFilter(place, ingress, [&](const Found& found) { own = own || (found.own_qdisc && Owner(found.handle) == Owner(place.handle)); });
  }
  return own;
}

void RemoveEmptyQdisc(const Place& place) {
  size_t filters = 0;
  for (bool ingress : {true, false}) EachFilter(place, ingress, [&](const Found&) { filters++; });
  if (filters != 0) return;
  // race: who puts a filter there just now, into a qdisc that was made for us, loses it.
  tcmsg head = QdiscHead(place);
  netlink::Request request(RTM_DELQDISC, NLM_F_ACK, &head, sizeof head);
  request.Put(TCA_KIND, std::string(kQdisc));
  netlink::Acknowledged(netlink::Open(NETLINK_ROUTE, 0, "detach").get(), request, "detach");
}

}  // namespace

std::string Describe(const Place& place) {
  return std::string(place.ingress != 0 ? "tc ingress" : "tc egress") + " of ifindex " + std::to_string(place.ifindex);
}

void Put(const Place& place, int program_fd, const std::string& name) {
  bool made = AddQdisc(place);
  bool own = made || HasOwnQdisc(place);
  tcmsg head = FilterHead(place);
  netlink::Request request(RTM_NEWTFILTER, NLM_F_ACK | NLM_F_CREATE, &head, sizeof head);
  request.Put(TCA_KIND, std::string("bpf"));
  size_t options = request.Begin(TCA_OPTIONS);
  request.PutU32(TCA_BPF_FD, static_cast<uint32_t>(program_fd));
  request.Put(TCA_BPF_NAME, own ? name + kOwnQdisc : name);
  request.PutU32(TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
  request.End(options);
  try {
    netlink::Change(request, "attach", Describe(place));
  } catch (const Failure&) {
    if (made) RemoveEmptyQdisc(place);
    throw;
  }
}

uint32_t ProgramAt(const Place& place) {
  uint32_t program = 0;
  EachFilter(place, place.ingress != 0, [&](const Found& found) {
    if (found.handle == place.handle) program = found.program;
  });
  return program;
}

void Remove(const Place& place, uint32_t program) {
  uint32_t there = ProgramAt(place);
  if (there == 0 || (program != 0 && there != program)) return;
  bool own = HasOwnQdisc(place);
  tcmsg head = FilterHead(place);
  netlink::Request request(RTM_DELTFILTER, NLM_F_ACK, &head, sizeof head);
  request.Put(TCA_KIND, std::string("bpf"));
  int error = netlink::Acknowledged(netlink::Open(NETLINK_ROUTE, 0, "detach").get(), request, "detach");
  // race: its device may have gone since it was looked at.
  if (error != 0 && ProgramAt(place) != 0) throw Failure(error, "detach", Describe(place));
  if (own) RemoveEmptyQdisc(place);
}

}  // namespace tc_filter
