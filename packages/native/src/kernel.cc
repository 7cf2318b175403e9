// Calls to the kernel as a whole; see kernel.h.
#include "kernel.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/membarrier.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#include "args.h"
#include "fd.h"
#include "handle.h"
#include "kernel_abi.h"
#include "netns.h"
#include "pin.h"

namespace {

// Replacing an inner map makes the kernel wait until no running program can still hold the old one: a grace period.
void WaitByMapInMap() {
  Fd inner(bpf_map_create(BPF_MAP_TYPE_ARRAY, "barrier_inner", 4, 4, 1, nullptr));
  if (!inner.valid()) throw Failure(errno, "rcu_barrier", "inner map");
  LIBBPF_OPTS(bpf_map_create_opts, opts, .inner_map_fd = static_cast<uint32_t>(inner.get()));
  Fd outer(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "barrier_outer", 4, 4, 1, &opts));
  if (!outer.valid()) throw Failure(errno, "rcu_barrier", "outer map");
  uint32_t key = 0;
  int value = inner.get();
  if (bpf_map_update_elem(outer.get(), &key, &value, BPF_ANY) != 0) throw Failure(errno, "rcu_barrier", "update");
}

// MEMBARRIER_CMD_GLOBAL is synchronize_rcu() on every kernel without nohz_full CPUs, where it is refused.
Napi::Value RcuBarrier(const Napi::CallbackInfo& info) {
  if (syscall(__NR_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) != 0) WaitByMapInMap();
  return info.Env().Undefined();
}

Napi::Value MountBpffs(const Napi::CallbackInfo& info) {
  pin::MountBpffs(args::String(info, 0));
  return info.Env().Undefined();
}

// The descriptor stays open on purpose: the kernel lets go of the lock when the process ends, however it does.
Napi::Value HoldDirectory(const Napi::CallbackInfo& info) {
  std::string path = args::String(info, 0);
  Fd directory(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!directory.valid()) throw Failure(errno, "directory_open", path);
  bool held = flock(directory.get(), LOCK_EX | LOCK_NB) == 0;
  if (!held && errno != EWOULDBLOCK) throw Failure(errno, "flock", path);
  if (held) directory.Release();
  return Napi::Boolean::New(info.Env(), held);
}

uint64_t Now(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

Napi::Value Clock(const Napi::CallbackInfo& info) {
  auto out = Napi::Object::New(info.Env());
  out.Set("bootNs", Napi::BigInt::New(info.Env(), Now(CLOCK_BOOTTIME)));
  out.Set("monotonicNs", Napi::BigInt::New(info.Env(), Now(CLOCK_MONOTONIC)));
  out.Set("realtimeNs", Napi::BigInt::New(info.Env(), Now(CLOCK_REALTIME)));
  return out;
}

Napi::Value NetnsCookie(const Napi::CallbackInfo& info) {
  return Napi::BigInt::New(info.Env(), netns::Cookie(args::OptionalString(info, 0)));
}

Napi::Value NetnsNumber(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), netns::Number(args::OptionalString(info, 0), args::String(info, 1)));
}

// Run-time statistics are on as long as somebody holds such a descriptor.
class RunStats : public Handle<RunStats> {
 public:
  explicit RunStats(const Napi::CallbackInfo& info) : Handle<RunStats>(info) {
    AtEdge(info.Env(), [&] {
      fd_.Reset(bpf_enable_stats(BPF_STATS_RUN_TIME));
      if (!fd_.valid()) throw Failure(errno, "enable_stats", "run time");
    });
  }
  static Napi::Function Class(Napi::Env env) {
    return DefineClass(env, "NativeRunStats", {Bind<&RunStats::Close>("close")});
  }

 private:
  Napi::Value Close(const Napi::CallbackInfo& info) {
    fd_.Reset();
    return info.Env().Undefined();
  }
  Fd fd_;
};

// Calls back with a descriptor for each id; what is gone between the two calls (ENOENT), or not quite there yet (EAGAIN),
// is left out.
template <typename Fn>
void EachId(int (*next)(uint32_t, uint32_t*), int (*open)(uint32_t), const char* op, Fn&& fn) {
  uint32_t id = 0;
  while (next(id, &id) == 0) {
    Fd fd(open(id));
    if (fd.valid()) fn(id, fd.get());
    else if (errno != ENOENT && errno != EAGAIN) throw Failure(errno, op, "id " + std::to_string(id));
  }
  if (errno != ENOENT) throw Failure(errno, op, "");
}

template <typename Info>
Info InfoOf(int fd) {
  Info info = {};
  uint32_t size = sizeof info;
  bpf_obj_get_info_by_fd(fd, &info, &size);
  return info;
}

Napi::Value ListPrograms(const Napi::CallbackInfo& info) {
  auto out = Napi::Array::New(info.Env());
  EachId(bpf_prog_get_next_id, bpf_prog_get_fd_by_id, "list_programs", [&](uint32_t id, int fd) {
    auto facts = InfoOf<bpf_prog_info>(fd);
    auto entry = Napi::Object::New(info.Env());
    entry.Set("id", id);
    entry.Set("name", facts.name);
    entry.Set("type", kernel_abi::ProgramTypeName(facts.type));
    out.Set(out.Length(), entry);
  });
  return out;
}

Napi::Value ListMaps(const Napi::CallbackInfo& info) {
  auto out = Napi::Array::New(info.Env());
  EachId(bpf_map_get_next_id, bpf_map_get_fd_by_id, "list_maps", [&](uint32_t id, int fd) {
    auto facts = InfoOf<bpf_map_info>(fd);
    auto entry = Napi::Object::New(info.Env());
    entry.Set("id", id);
    entry.Set("name", facts.name);
    entry.Set("type", kernel_abi::MapTypeName(facts.type));
    out.Set(out.Length(), entry);
  });
  return out;
}

Napi::Value ListLinks(const Napi::CallbackInfo& info) {
  auto out = Napi::Array::New(info.Env());
  EachId(bpf_link_get_next_id, bpf_link_get_fd_by_id, "list_links", [&](uint32_t id, int fd) {
    auto facts = InfoOf<kernel_abi::LinkInfo>(fd);
    auto entry = Napi::Object::New(info.Env());
    entry.Set("id", id);
    entry.Set("type", kernel_abi::LinkTypeName(facts.type));
    entry.Set("progId", facts.prog_id);
    out.Set(out.Length(), entry);
  });
  return out;
}

}  // namespace

void DefineKernel(Napi::Env env, Napi::Object exports) {
  exports.Set("rcuBarrier", Edge<RcuBarrier>(env, "rcuBarrier"));
  exports.Set("mountBpffs", Edge<MountBpffs>(env, "mountBpffs"));
  exports.Set("holdDirectory", Edge<HoldDirectory>(env, "holdDirectory"));
  exports.Set("clock", Edge<Clock>(env, "clock"));
  exports.Set("netnsCookie", Edge<NetnsCookie>(env, "netnsCookie"));
  exports.Set("netnsNumber", Edge<NetnsNumber>(env, "netnsNumber"));
  exports.Set("listPrograms", Edge<ListPrograms>(env, "listPrograms"));
  exports.Set("listMaps", Edge<ListMaps>(env, "listMaps"));
  exports.Set("listLinks", Edge<ListLinks>(env, "listLinks"));
  exports.Set("RunStats", RunStats::Class(env));
  exports.Set("libbpfVersion", libbpf_version_string());
}
