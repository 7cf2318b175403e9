// Feature probes; see probe.h.
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <sstream>

#include "args.h"
#include "error.h"
#include "fd.h"
#include "kernel_abi.h"
#include "libbpf_log.h"
#include "netlink.h"
#include "netns.h"
#include "perf_event.h"
#include "tc_filter.h"

namespace {

constexpr uint8_t kMov64 = BPF_ALU64 | BPF_MOV | BPF_K;
constexpr int kLoopback = 1;          // its ifindex in every new namespace
constexpr uint8_t kPseudoKfunc = 2;   // BPF_PSEUDO_KFUNC_CALL
constexpr char kAttachPoint[] = "bpf_fentry_test1";  // the kernel keeps it for this very purpose

bpf_insn Move(uint8_t to, int32_t value) { return {kMov64, to, 0, 0, value}; }
bpf_insn Exit() { return {BPF_JMP | BPF_EXIT, 0, 0, 0, 0}; }

template <size_t n>
Fd Load(bpf_prog_type type, const bpf_insn (&code)[n], bpf_prog_load_opts* opts = nullptr) {
  Fd fd(bpf_prog_load(type, "probe", "GPL", code, n, opts));
  if (!fd.valid()) throw Failure(errno, "load", libbpf_bpf_prog_type_str(type));
  return fd;
}

Fd LoadReturning(bpf_prog_type type, int32_t value, bpf_prog_load_opts* opts = nullptr) {
  const bpf_insn code[] = {Move(BPF_REG_0, value), Exit()};
  return Load(type, code, opts);
}

Fd LoadTracing(bpf_prog_type type, bpf_attach_type attach, const char* target) {
  LibbpfLog quiet;
  int id = libbpf_find_vmlinux_btf_id(target, attach);
  if (id < 0) throw Failure(id, "find", target, "not in the kernel's BTF");
  LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach, .attach_btf_id = static_cast<uint32_t>(id));
  return LoadReturning(type, 0, &opts);
}

void Check(int result, const char* op, const char* what) {
  if (result < 0) throw Failure(errno, op, what);
  close(result);
}

void Tcx() {
  netns::RunInFresh([] {
    Fd program = LoadReturning(BPF_PROG_TYPE_SCHED_CLS, -1);
    kernel_abi::LinkCreate create = {};
    create.prog_fd = static_cast<uint32_t>(program.get());
    create.target = kLoopback;
    create.attach_type = kernel_abi::kTcxIngress;
    Check(static_cast<int>(kernel_abi::Bpf(BPF_LINK_CREATE, create)), "attach", "tcx");
  });
}

void ClassicTc() {
  netns::RunInFresh([] {
    tc_filter::Place place = {};
    place.ifindex = kLoopback;
    place.handle = 1;
    place.ingress = 1;
    tc_filter::Put(place, LoadReturning(BPF_PROG_TYPE_SCHED_CLS, -1).get(), "probe");
  });
}

void Xdp() {
  netns::RunInFresh([] {
    LIBBPF_OPTS(bpf_link_create_opts, opts, .flags = XDP_FLAGS_SKB_MODE);
    Check(bpf_link_create(LoadReturning(BPF_PROG_TYPE_XDP, XDP_PASS).get(), kLoopback, BPF_XDP, &opts), "attach", "xdp");
  });
}

void Netkit() {
  netns::RunInFresh([] {
    ifinfomsg head = {};
    netlink::Request request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, &head, sizeof head);
    request.Put(IFLA_IFNAME, std::string("probe0"));
    size_t info = request.Begin(IFLA_LINKINFO);
    request.Put(IFLA_INFO_KIND, std::string("netkit"));
    request.End(info);
    Fd socket = netlink::Open(NETLINK_ROUTE, 0, "open");
    int error = netlink::Acknowledged(socket.get(), request, "create");
    if (error < 0) throw Failure(error, "create", "netkit");
  });
}

void Tracing() { Check(bpf_raw_tracepoint_open(nullptr, LoadTracing(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, "kfree_skb").get()), "attach", "tp_btf"); }

void Fentry() {
  Fd program = LoadTracing(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, kAttachPoint);
  Check(bpf_raw_tracepoint_open(nullptr, program.get()), "attach", "fentry");
}

void Lsm() {
  // Loaded, not attached: a security hook of the whole machine is no place for a probe.
  LibbpfLog quiet;
  int id = libbpf_find_vmlinux_btf_id("file_mprotect", BPF_LSM_MAC);
  if (id < 0) throw Failure(id, "find", "bpf_lsm_file_mprotect");
  LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_LSM_MAC, .attach_btf_id = static_cast<uint32_t>(id));
  LoadReturning(BPF_PROG_TYPE_LSM, 0, &opts);
}

void Iterator() { Check(bpf_link_create(LoadTracing(BPF_PROG_TYPE_TRACING, BPF_TRACE_ITER, "tcp").get(), 0, BPF_TRACE_ITER, nullptr), "attach", "iterator"); }

void RawTracepoint() { Check(bpf_raw_tracepoint_open("kfree_skb", LoadReturning(BPF_PROG_TYPE_RAW_TRACEPOINT, 0).get()), "attach", "raw tracepoint"); }

void Kprobe() {
  perf_event::Probe probe;
  probe.target = kAttachPoint;
  Fd event = perf_event::OpenProbe(probe).fd;
  Fd program = LoadReturning(BPF_PROG_TYPE_KPROBE, 0);
  Check(bpf_link_create(program.get(), event.get(), BPF_PERF_EVENT, nullptr), "attach", "kprobe");
}

// On a file of our own that nobody executes: a uprobe plants a breakpoint in whoever maps its file.
void Uprobe() {
  char path[] = "/tmp/uprobe-XXXXXX";
  Fd file(mkostemp(path, O_CLOEXEC));
  if (!file.valid() || ftruncate(file.get(), 4096) != 0) throw Failure(errno, "create", path);
  std::unique_ptr<char, void (*)(char*)> removed(path, [](char* p) { unlink(p); });
  perf_event::Probe probe;
  probe.user = true;
  probe.target = path;
  Fd event = perf_event::OpenProbe(probe).fd;
  Fd program = LoadReturning(BPF_PROG_TYPE_KPROBE, 0);
  Check(bpf_link_create(program.get(), event.get(), BPF_PERF_EVENT, nullptr), "attach", "uprobe");
}

std::string CgroupRoot() {
  std::ifstream mounts("/proc/self/mounts");
  std::string line, device, path, type;
  while (std::getline(mounts, line)) {
    std::istringstream(line) >> device >> path >> type;
    if (type == "cgroup2") return path;
  }
  throw Failure(ENOENT, "find", "cgroup2", "no cgroup v2 hierarchy is mounted");
}

// In an empty cgroup of its own, so that nobody's sockets pass through the probe's program. Where none may be made (a
// read-only mount, no right to write in the root) in the root for a moment: the program lets everything pass.
void AttachToCgroup(const Fd& program, bpf_attach_type type, const char* what) {
  std::string root = CgroupRoot();
  std::string path = root + "/probe-XXXXXX";
  bool own = mkdtemp(path.data()) != nullptr;
  Fd cgroup(open(own ? path.c_str() : root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  int link = bpf_link_create(program.get(), cgroup.get(), type, nullptr);
  int error = errno;
  if (link >= 0) close(link);
  cgroup.Reset();
  if (own) rmdir(path.c_str());
  if (link < 0) throw Failure(error, "attach", what);
}

void Sockops() { AttachToCgroup(LoadReturning(BPF_PROG_TYPE_SOCK_OPS, 1), BPF_CGROUP_SOCK_OPS, "sockops"); }

void CgroupLink() {
  LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = BPF_CGROUP_INET4_CONNECT);
  AttachToCgroup(LoadReturning(BPF_PROG_TYPE_CGROUP_SOCK_ADDR, 1, &opts), BPF_CGROUP_INET4_CONNECT, "connect4");
}

void Ringbuf() {
  auto bytes = static_cast<uint32_t>(sysconf(_SC_PAGESIZE));
  Check(bpf_map_create(BPF_MAP_TYPE_RINGBUF, "probe", 0, 0, bytes, nullptr), "create", "ring buffer");
}

void BatchOperations() {
  Fd map(bpf_map_create(BPF_MAP_TYPE_HASH, "probe", 4, 4, 1, nullptr));
  if (!map.valid()) throw Failure(errno, "create", "hash map");
  uint32_t cursor = 0, key = 0, value = 0, count = 1;
  if (bpf_map_lookup_batch(map.get(), nullptr, &cursor, &key, &value, &count, nullptr) != 0 && errno != ENOENT) {
    throw Failure(errno, "lookup", "batch");
  }
}

void CastToKernelContext() {
  LibbpfLog quiet;
  std::unique_ptr<btf, void (*)(btf*)> types(btf__load_vmlinux_btf(), btf__free);
  int id = types == nullptr ? -errno : btf__find_by_name_kind(types.get(), "bpf_cast_to_kern_ctx", BTF_KIND_FUNC);
  if (id < 0) throw Failure(id, "find", "bpf_cast_to_kern_ctx");
  const bpf_insn code[] = {{BPF_JMP | BPF_CALL, 0, kPseudoKfunc, 0, id}, Move(BPF_REG_0, 0), Exit()};
  Load(BPF_PROG_TYPE_SCHED_CLS, code);
}

void KernelBtf() {
  LibbpfLog quiet;
  std::unique_ptr<btf, void (*)(btf*)> types(btf__load_vmlinux_btf(), btf__free);
  if (types == nullptr) throw Failure(errno, "read", "/sys/kernel/btf/vmlinux");
}

void RunStatistics() { Check(bpf_enable_stats(BPF_STATS_RUN_TIME), "enable", "run-time statistics"); }

void Conntrack() {
  netns::RunInFresh([] { netlink::Open(NETLINK_NETFILTER, 0, "open"); });
}

void NetnsCookie() { netns::Cookie(""); }

struct Feature {
  const char* name;
  void (*probe)();
};

// since: the kernel that brought it
constexpr Feature kFeatures[] = {
    {"btf", KernelBtf},                                // since: 5.4
    {"ringbuf", Ringbuf},                              // since: 5.8
    {"batch", BatchOperations},                        // since: 5.6
    {"tcx", Tcx},                                      // since: 6.6
    {"tc", ClassicTc},                                 // since: 4.5 (clsact)
    {"xdp", Xdp},                                      // since: 5.9 (link)
    {"netkit", Netkit},                                // since: 6.7
    {"tracing", Tracing},                              // since: 5.5
    {"raw_tracepoint", RawTracepoint},                 // since: 4.17
    {"fentry", Fentry},                                // since: 5.5
    {"lsm", Lsm},                                      // since: 5.7
    {"iter", Iterator},                                // since: 5.9 (tcp)
    {"kprobe", Kprobe},                                // since: 5.15 (link)
    {"uprobe", Uprobe},                                // since: 5.15 (link)
    {"sockops", Sockops},                              // since: 4.13, 5.7 (link)
    {"cgroup_link", CgroupLink},                       // since: 5.7
    {"bpf_cast_to_kern_ctx", CastToKernelContext},     // since: 6.2
    {"run_stats", RunStatistics},                      // since: 5.8
    {"netns_cookie", NetnsCookie},                     // since: 5.14
    {"conntrack", Conntrack},
};

}  // namespace

Napi::Value FeatureNames(const Napi::CallbackInfo& info) {
  auto out = Napi::Array::New(info.Env());
  for (const Feature& feature : kFeatures) out.Set(out.Length(), feature.name);
  return out;
}

Napi::Value ProbeFeature(const Napi::CallbackInfo& info) {
  std::string name = args::String(info, 0);
  for (const Feature& feature : kFeatures) {
    if (name != feature.name) continue;
    auto out = Napi::Object::New(info.Env());
    try {
      feature.probe();
      out.Set("supported", true);
    } catch (const Failure& failure) {
      out.Set("supported", false);
      out.Set("reason", failure.message);
    }
    return out;
  }
  throw Failure(EINVAL, "probe", name, "no such feature");
}
