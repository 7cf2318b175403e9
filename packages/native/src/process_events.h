// The kernel's proc connector: fork, exec and exit of every process of the machine. Works only in the initial pid and
// network namespaces; threads are left out.
#pragma once

#include <cstdint>

#include "fd.h"

struct nlmsghdr;

namespace process_events {

struct Event {
  const char* op = nullptr;  // 'fork', 'exec', 'exit'; null for what is none of these
  int64_t pid = 0;
};

Fd Open();  // returns after the kernel has said yes
Event Parse(const nlmsghdr* message);

}  // namespace process_events
