// Dumps and events of ctnetlink; see conntrack.h.
#include "conntrack.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "args.h"
#include "netlink.h"
#include "netns.h"

namespace {

using conntrack::Record;

// About ten thousand events; the kernel accounts a kilobyte and less for each.
constexpr int kReceiveBytes = 8 << 20;
// What one read takes in: a flood that goes on is left to the next one.
constexpr size_t kMostDatagrams = 65536;

// NFNLGRP_CONNTRACK_NEW and _DESTROY. Not _UPDATE: a translation is settled before the entry is confirmed.
constexpr uint32_t kGroups = 1 << (NFNLGRP_CONNTRACK_NEW - 1) | 1 << (NFNLGRP_CONNTRACK_DESTROY - 1);

// Entries without a translation never reach our buffer: on most hosts they are nearly all. One without a status
// passes; conntrack_entry.cc asks again.
void FilterTranslated(int fd) {
  sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_IMM, NLMSG_HDRLEN + sizeof(nfgenmsg)),
      BPF_STMT(BPF_LDX | BPF_IMM, CTA_STATUS),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_NLATTR)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_IND, NLA_HDRLEN),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, conntrack::kTranslated, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  sock_fprog program = {sizeof code / sizeof code[0], code};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    throw Failure(errno, "conntrack_watch", "event filter");
}

// SO_RCVBUFFORCE wants CAP_NET_ADMIN in the first user namespace; without it the system's limit holds.
void SetBuffer(int fd) {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBytes, sizeof kReceiveBytes) == 0) return;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBytes, sizeof kReceiveBytes);
}

// since: 5.16 (CTA_STATUS_MASK); older kernels give all entries.
void DumpStatus(int fd, uint32_t mask, uint32_t status, const netlink::OnMessage& on, const std::function<void()>& restart) {
  nfgenmsg head = {AF_UNSPEC, NFNETLINK_V0, 0};
  netlink::Request request((NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_GET, NLM_F_DUMP, &head, sizeof head);
  uint32_t wire_status = htonl(status), wire_mask = htonl(mask);
  request.Put(CTA_STATUS, &wire_status, sizeof wire_status);
  request.Put(CTA_STATUS_MASK, &wire_mask, sizeof wire_mask);
  netlink::Dump(fd, request, "conntrack_dump", on, restart);
}

Napi::Value Bytes(Napi::Env env, const std::vector<Record>& records) {
  size_t size = records.size() * sizeof(Record);
  auto buffer = Napi::ArrayBuffer::New(env, size);
  if (size > 0) memcpy(buffer.Data(), records.data(), size);
  return Napi::Uint8Array::New(env, size, buffer, 0);
}

}  // namespace

ConntrackWatch::ConntrackWatch(const Napi::CallbackInfo& info) : Handle<ConntrackWatch>(info) {
  AtEdge(info.Env(), [&] {
    netns_ = args::OptionalString(info, 0);
    netns::Run(netns_, [&] {
      events_ = netlink::Open(NETLINK_NETFILTER, kGroups, "conntrack_watch");
      requests_ = netlink::Open(NETLINK_NETFILTER, 0, "conntrack_watch");
    });
    SetBuffer(events_.get());
    FilterTranslated(events_.get());
  });
}

void ConntrackWatch::RequireOpen(const char* op) const {
  if (!events_.valid()) throw Failure::Closed(op, "conntrack");
}

Napi::Value ConntrackWatch::Dump(const Napi::CallbackInfo& info) {
  RequireOpen("conntrack_dump");
  size_t most = args::Uint32(info, 0);
  size_t left = 0;
  records_.clear();
  // The kernel's mask asks for all of its bits at once, so "either bit" takes two questions, which don't overlap.
  const uint32_t kQuestions[][2] = {{conntrack::kSourceTranslated, conntrack::kSourceTranslated},
                                    {conntrack::kTranslated, conntrack::kDestinationTranslated}};
  for (const auto& [mask, status] : kQuestions) {
    size_t before = records_.size(), left_before = left;
    auto take = [&](const nlmsghdr* m) {
      Record record;
      if (!conntrack::Read(m, conntrack::Wanted::kTranslated, record)) return;
      if (records_.size() < most) records_.push_back(record);
      else left++;
    };
    DumpStatus(requests_.get(), mask, status, take, [&, before, left_before] {
      records_.resize(before);
      left = left_before;
    });
  }
  auto out = Napi::Object::New(info.Env());
  out.Set("bytes", Bytes(info.Env(), records_));
  out.Set("left", Napi::Number::New(info.Env(), static_cast<double>(left)));
  return out;
}

Napi::Value ConntrackWatch::Read(const Napi::CallbackInfo& info) {
  RequireOpen("conntrack_read");
  records_.clear();
  auto take = [&](const nlmsghdr* m, int) {
    Record record;
    if (conntrack::Read(m, conntrack::Wanted::kTranslated, record)) records_.push_back(record);
  };
  int result = netlink::Receive(events_.get(), buffer_, take, kMostDatagrams);
  bool overran = result == -ENOBUFS;
  // What lies behind the gap is taken in too: a dump that follows must not meet older news afterwards.
  if (overran) result = netlink::Receive(events_.get(), buffer_, take, kMostDatagrams);
  if (result < 0 && result != -ENOBUFS) throw Failure(result, "conntrack_read", "netlink");
  auto out = Napi::Object::New(info.Env());
  out.Set("bytes", Bytes(info.Env(), records_));
  out.Set("overran", Napi::Boolean::New(info.Env(), overran));
  return out;
}

Napi::Value ConntrackWatch::Close(const Napi::CallbackInfo& info) {
  events_.Reset();
  requests_.Reset();
  return info.Env().Undefined();
}

void ConntrackWatch::Define(Napi::Env env, Napi::Object exports) {
  exports.Set("ConntrackWatch",
              DefineClass(env, "NativeConntrackWatch",
                          {Bind<&ConntrackWatch::Dump>("dump"), Bind<&ConntrackWatch::Read>("read"),
                           Bind<&ConntrackWatch::Close>("close")}));
}
