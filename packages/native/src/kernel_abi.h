// The parts of bpf(2) and rtnetlink that are newer than Debian 12's headers (6.1) or than libbpf 1.1, written out here
// once: numbers and layouts are fixed by the kernel. Knows nothing of handles.
#pragma once

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <string>

namespace kernel_abi {

// since: 6.6 (tcx), 6.7 (netkit)
constexpr uint32_t kTcxIngress = 46;
constexpr uint32_t kTcxEgress = 47;
constexpr uint32_t kNetkitPrimary = 54;
constexpr uint32_t kNetkitPeer = 55;
constexpr uint32_t kFBefore = 1u << 3;
constexpr uint32_t kFAfter = 1u << 4;

// Attributes of a netkit device, and their values. since: 6.7
constexpr uint16_t kNetkitPeerInfo = 1;
constexpr uint16_t kNetkitPolicy = 3;
constexpr uint16_t kNetkitPeerPolicy = 4;
constexpr uint16_t kNetkitMode = 5;
constexpr uint32_t kNetkitL3 = 1;
constexpr uint32_t kNetkitPass = 0;
constexpr uint32_t kNetkitDrop = 2;

// Of TUNSETOFFLOAD. since: 6.2
constexpr unsigned kTunUso4 = 0x20;
constexpr unsigned kTunUso6 = 0x40;

struct LinkCreate {
  uint32_t prog_fd;
  uint32_t target;  // ifindex or descriptor
  uint32_t attach_type;
  uint32_t flags;
  uint32_t relative;  // tcx: the link or program to go before or after; tracing: a BTF id
  uint32_t pad;
  uint64_t extra;  // tcx: the expected revision; tracing: the cookie
};

struct LinkInfo {
  uint32_t type;
  uint32_t id;
  uint32_t prog_id;
  uint32_t pad;
  union {
    struct { uint32_t ifindex, attach_type; } device;  // tcx, netkit, xdp (ifindex only)
    struct { uint64_t id; uint32_t attach_type; } cgroup;
    struct { uint32_t ino, attach_type; } netns;
    struct { uint32_t attach_type, target_obj_id, target_btf_id; } tracing;
    uint8_t room[64];
  };
};

template <typename Attr>
long Bpf(int command, Attr& attr) {
  return syscall(__NR_bpf, command, &attr, sizeof attr);
}

std::string LinkTypeName(uint32_t type);
std::string MapTypeName(uint32_t type);
std::string ProgramTypeName(uint32_t type);

}  // namespace kernel_abi
