// perf_event_open for the three sources a program can hang on: kprobes, uprobes, tracepoints. Sampling and counters
// are not its business.
#pragma once

#include <cstdint>
#include <string>

#include "fd.h"

namespace perf_event {

struct Probe {
  bool user = false;   // uprobe, else kprobe
  std::string target;  // path of the binary, or kernel function
  uint64_t offset = 0;
  bool on_return = false;
  int pid = -1;  // uprobe only; -1 every process
  uint64_t ref_counter_offset = 0;
};

struct Opened {
  Fd fd;
  std::string what;  // for messages
};

Opened OpenProbe(const Probe& probe);
Opened OpenTracepoint(const std::string& category, const std::string& name);

}  // namespace perf_event
