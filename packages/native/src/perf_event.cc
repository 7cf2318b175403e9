// perf_event_open; see perf_event.h.
#include "perf_event.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cinttypes>
#include <cstdio>

#include "error.h"

namespace perf_event {
namespace {

constexpr int kRefCounterShift = 32;  // of attr.config, fixed in the kernel's uprobe PMU

// The single number at the end of a sysfs or tracefs file such as 'config:0'.
int ReadNumber(const std::string& path, const char* format) {
  FILE* file = fopen(path.c_str(), "re");
  if (file == nullptr) return -errno;
  int value = 0;
  int got = fscanf(file, format, &value);
  fclose(file);
  return got == 1 ? value : -EINVAL;
}

Fd Open(perf_event_attr& attr, int pid, int cpu, const std::string& what) {
  attr.size = sizeof attr;
  long fd = syscall(__NR_perf_event_open, &attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
  if (fd < 0) throw Failure(errno, "perf_event_open", what);
  return Fd(static_cast<int>(fd));
}

}  // namespace

Opened OpenProbe(const Probe& probe) {
  std::string name = probe.user ? "uprobe" : "kprobe";
  std::string what = name + " " + probe.target + "+" + std::to_string(probe.offset);
  std::string source = "/sys/bus/event_source/devices/" + name;
  int type = ReadNumber(source + "/type", "%d");
  if (type < 0) throw Failure(type, "perf_event_open", what, "this kernel has no " + name + "s");
  perf_event_attr attr = {};
  attr.type = static_cast<uint32_t>(type);
  if (probe.on_return) {
    int bit = ReadNumber(source + "/format/retprobe", "config:%d");
    if (bit < 0) throw Failure(bit, "perf_event_open", what, "no return probes");
    attr.config |= uint64_t{1} << bit;
  }
  attr.config |= probe.ref_counter_offset << kRefCounterShift;
  attr.config1 = reinterpret_cast<uint64_t>(probe.target.c_str());
  attr.config2 = probe.offset;
  // One event serves all CPUs: the CPU only says where it is accounted.
  return {Open(attr, probe.pid, probe.pid < 0 ? 0 : -1, what), what};
}

Opened OpenTracepoint(const std::string& category, const std::string& name) {
  std::string what = "tracepoint " + category + "/" + name;
  std::string tail = "/events/" + category + "/" + name + "/id";
  int id = ReadNumber("/sys/kernel/tracing" + tail, "%d");
  if (id < 0) id = ReadNumber("/sys/kernel/debug/tracing" + tail, "%d");
  if (id < 0) throw Failure(id, "perf_event_open", what, "not found in tracefs (is it mounted?)");
  perf_event_attr attr = {};
  attr.type = PERF_TYPE_TRACEPOINT;
  attr.config = static_cast<uint64_t>(id);
  return {Open(attr, -1, 0, what), what};
}

}  // namespace perf_event
