// One connection tracking message of the kernel, as a record of fixed size that crosses to JavaScript in bulk. Knows
// the attributes' layout; where messages come from is conntrack.cc's and conntrack_watch.cc's part.
#pragma once

#include <cstdint>

struct nlmsghdr;

namespace conntrack {

// Addresses of 16 bytes, IPv4 as ::ffff:a.b.c.d; ports as on the wire. An ICMP echo has its identifier in the place
// of its opener's port, so that the reply tuple turned round compares like that of TCP.
struct Tuple {
  uint8_t src[16];
  uint8_t dst[16];
  uint8_t sport[2];
  uint8_t dport[2];
};

struct Record {
  uint8_t op;  // kNew or kDestroyed
  uint8_t proto;
  uint8_t pad[2];
  Tuple orig;
  Tuple reply;
};
static_assert(sizeof(Record) == 76, "read by lib/conntrack.ts");

constexpr uint8_t kNew = 1;
constexpr uint8_t kDestroyed = 2;
constexpr uint32_t kSourceTranslated = 1 << 4;       // IPS_SRC_NAT
constexpr uint32_t kDestinationTranslated = 1 << 5;  // IPS_DST_NAT
constexpr uint32_t kTranslated = kSourceTranslated | kDestinationTranslated;

enum class Wanted { kAll, kTranslated };

// False for what is no entry, has no address, or isn't wanted.
bool Read(const nlmsghdr* message, Wanted wanted, Record& out);

}  // namespace conntrack
