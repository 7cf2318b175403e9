// A filter of classic tc: how a program comes to a device where the kernel has no tcx. Nothing holds it: it stays until
// it is removed or its device goes, whoever made it. Its priority is the first, so that it runs before what others put
// there. All in the calling thread's namespace.
#pragma once

#include <cstdint>
#include <string>

namespace tc_filter {

struct Place {
  uint64_t netns_cookie;  // for whoever looks for the namespace again
  uint32_t ifindex;
  uint32_t handle;   // which of the filters of its priority; those of the same upper half have one owner
  uint32_t ingress;  // else egress
  uint32_t spare;
};

// Makes the filter, or gives the one that is there the program, with no packet in between without one. A clsact qdisc
// that wasn't there is made, and goes with the last filter of this owner unless others have put some in.
// since: 4.5 (clsact)
void Put(const Place& place, int program_fd, const std::string& name);

// The id of its program; 0: there is none, or no such device.
uint32_t ProgramAt(const Place& place);

// program: only if it is this one's; 0: whatever it is.
void Remove(const Place& place, uint32_t program = 0);

std::string Describe(const Place& place);

}  // namespace tc_filter
