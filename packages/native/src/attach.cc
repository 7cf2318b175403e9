// Attaching programs; see attach.h.
#include "attach.h"

#include <bpf/bpf.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>

#include "fields.h"
#include "kernel_abi.h"
#include "link.h"
#include "netns.h"
#include "perf_event.h"
#include "program.h"
#include "tc_link.h"

namespace {

using fields::Number;
using fields::Text;

uint64_t Cookie(const Napi::Object& from) {
  bool lossless = true;
  Napi::Value value = from.Get("cookie");
  return value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
}

Fd OrThrow(long result, const Program& program, const std::string& what) {
  if (result >= 0) return Fd(static_cast<int>(result));
  throw Failure(errno, "attach", program.name(), what);
}

// One of the chains of programs that a device has: of tcx, or of a netkit pair.
Link::Init AttachChained(const Program& program, int fd, const Napi::Object& attach, uint32_t type, const std::string& chain) {
  std::string position = Text(attach, "position");
  kernel_abi::LinkCreate create = {};
  create.prog_fd = static_cast<uint32_t>(fd);
  create.target = static_cast<uint32_t>(Number(attach, "ifindex"));
  create.attach_type = type;
  // BEFORE and AFTER relative to nothing mean the ends of the chain.
  if (position == "first") create.flags = kernel_abi::kFBefore;
  if (position == "last") create.flags = kernel_abi::kFAfter;
  std::string what = chain + " of ifindex " + std::to_string(create.target);
  Fd link;
  netns::Run(Text(attach, "netns"), [&] { link = OrThrow(kernel_abi::Bpf(BPF_LINK_CREATE, create), program, what); });
  return {std::move(link), what, ""};
}

Link::Init AttachTcx(const Program& program, int fd, const Napi::Object& attach) {
  if (Text(attach, "direction") == "ingress") return AttachChained(program, fd, attach, kernel_abi::kTcxIngress, "tcx ingress");
  return AttachChained(program, fd, attach, kernel_abi::kTcxEgress, "tcx egress");
}

Link::Init AttachNetkit(const Program& program, int fd, const Napi::Object& attach) {
  if (Text(attach, "end") == "peer") return AttachChained(program, fd, attach, kernel_abi::kNetkitPeer, "netkit peer");
  return AttachChained(program, fd, attach, kernel_abi::kNetkitPrimary, "netkit primary");
}

Link::Init AttachXdp(const Program& program, int fd, const Napi::Object& attach) {
  int ifindex = static_cast<int>(Number(attach, "ifindex"));
  LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = static_cast<uint32_t>(Number(attach, "flags")));
  std::string what = "xdp of ifindex " + std::to_string(ifindex);
  Fd link;
  netns::Run(Text(attach, "netns"), [&] { link = OrThrow(bpf_link_create(fd, ifindex, BPF_XDP, &opts), program, what); });
  return {std::move(link), what, ""};
}

// Links always attach in the kernel's 'multi' mode, so programs of others in the same cgroup live on.
Link::Init AttachCgroup(const Program& program, int fd, const Napi::Object& attach) {
  std::string path = Text(attach, "path");
  Fd cgroup(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!cgroup.valid()) throw Failure(errno, "cgroup_open", path);
  auto type = static_cast<bpf_attach_type>(Number(attach, "attachType", program.expected_attach_type()));
  std::string what = "cgroup " + path;
  return {OrThrow(bpf_link_create(fd, cgroup.get(), type, nullptr), program, what), what, ""};
}

Link::Init AttachTracing(const Program& program, int fd, const Napi::Object& attach) {
  uint64_t cookie = Cookie(attach);
  auto type = static_cast<bpf_attach_type>(program.expected_attach_type());
  if (type == BPF_TRACE_ITER) return {OrThrow(bpf_link_create(fd, 0, type, nullptr), program, "iterator"), "iterator", ""};
  // Without a cookie the old call will do, which kernels before 5.18 have and which needs no attach type.
  if (cookie == 0) return {OrThrow(bpf_raw_tracepoint_open(nullptr, fd), program, "tracing"), "tracing", ""};
  // By system call: libbpf 1.1 refuses a cookie for tp_btf. since: 6.10 (tp_btf)
  kernel_abi::LinkCreate create = {};
  create.prog_fd = static_cast<uint32_t>(fd);
  create.attach_type = type;
  create.extra = cookie;
  return {OrThrow(kernel_abi::Bpf(BPF_LINK_CREATE, create), program, "tracing with a cookie"), "tracing", ""};
}

Link::Init AttachRawTracepoint(const Program& program, int fd, const Napi::Object& attach) {
  std::string name = Text(attach, "name");
  return {OrThrow(bpf_raw_tracepoint_open(name.c_str(), fd), program, "raw tracepoint " + name), "raw tracepoint " + name, ""};
}

Link::Init AttachPerf(const Program& program, int fd, const Napi::Object& attach) {
  Napi::Object event = attach.Get("event").As<Napi::Object>();
  std::string type = Text(event, "type");
  perf_event::Opened opened;
  if (type == "tracepoint") {
    opened = perf_event::OpenTracepoint(Text(event, "category"), Text(event, "name"));
  } else {
    perf_event::Probe probe;
    probe.user = type == "uprobe";
    probe.target = Text(event, probe.user ? "path" : "function");
    probe.offset = static_cast<uint64_t>(Number(event, "offset"));
    probe.on_return = event.Get("retprobe").ToBoolean();
    probe.pid = static_cast<int>(Number(event, "pid", -1));
    probe.ref_counter_offset = static_cast<uint64_t>(Number(event, "refCtrOffset"));
    opened = perf_event::OpenProbe(probe);
  }
  LIBBPF_OPTS(bpf_link_create_opts, opts);
  opts.perf_event.bpf_cookie = Cookie(attach);
  Fd link = OrThrow(bpf_link_create(fd, opened.fd.get(), BPF_PERF_EVENT, &opts), program, opened.what);
  if (ioctl(opened.fd.get(), PERF_EVENT_IOC_ENABLE, 0) != 0) throw Failure(errno, "attach", program.name(), opened.what);
  return {std::move(link), opened.what, ""};
}

Link::Init MakeLink(const Program& program, int fd, const Napi::Object& attach) {
  std::string kind = Text(attach, "kind");
  if (kind == "tcx") return AttachTcx(program, fd, attach);
  if (kind == "netkit") return AttachNetkit(program, fd, attach);
  if (kind == "xdp") return AttachXdp(program, fd, attach);
  if (kind == "cgroup") return AttachCgroup(program, fd, attach);
  if (kind == "tracing") return AttachTracing(program, fd, attach);
  if (kind == "raw_tracepoint") return AttachRawTracepoint(program, fd, attach);
  if (kind == "perf") return AttachPerf(program, fd, attach);
  throw Failure(EINVAL, "attach", program.name(), "unknown kind " + kind);
}

}  // namespace

Napi::Object AttachProgram(Napi::Env env, const Program& program, const Napi::Object& attach) {
  int fd = program.Descriptor("attach");
  if (Text(attach, "kind") == "tc") return TcLink::Attach(env, program, fd, attach);
  return Link::New(env, MakeLink(program, fd, attach));
}
