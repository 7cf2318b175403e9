// Tun devices; see tun_device.h.
#include "tun_device.h"

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>

#include "error.h"
#include "kernel_abi.h"
#include "netlink.h"

namespace tun_device {
namespace {

constexpr const char* kOp = "tun_open";

// What has been written and not yet gone on may hold this much; then a write is refused. A packet the kernel has yet to
// segment counts for up to twice its 64 KiB.
constexpr int kSendBytes = 4 << 20;

Fd Create(const std::string& name) {
  Fd fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!fd.valid()) throw Failure(errno, kOp, "/dev/net/tun");
  ifreq request = {};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL);
  if (ioctl(fd.get(), TUNSETIFF, &request) != 0) throw Failure(errno, kOp, name);
  return fd;
}

// A kernel that can't hand over UDP to be segmented segments it itself.
void AcceptUnsegmented(int fd, const std::string& name) {
  unsigned tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;
  if (ioctl(fd, TUNSETOFFLOAD, tcp | kernel_abi::kTunUso4 | kernel_abi::kTunUso6) == 0) return;
  if (ioctl(fd, TUNSETOFFLOAD, tcp) != 0) throw Failure(errno, kOp, name, "offload");
}

uint32_t IndexOf(const std::string& name) {
  Fd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!any.valid()) throw Failure(errno, kOp, name);
  ifreq request = {};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(any.get(), SIOCGIFINDEX, &request) != 0) throw Failure(errno, kOp, name);
  return static_cast<uint32_t>(request.ifr_ifindex);
}

void Configure(uint32_t ifindex, const std::string& name, uint32_t mtu, uint32_t queue_length) {
  ifinfomsg head = {};
  head.ifi_index = static_cast<int>(ifindex);
  netlink::Request request(RTM_SETLINK, NLM_F_ACK, &head, sizeof head);
  request.PutU32(IFLA_MTU, mtu);
  request.PutU32(IFLA_TXQLEN, queue_length);
  netlink::Change(request, kOp, name);
}

}  // namespace

Made Make(const std::string& name, uint32_t mtu, uint32_t queue_length) {
  Made made;
  made.fd = Create(name);
  AcceptUnsegmented(made.fd.get(), name);
  if (ioctl(made.fd.get(), TUNSETSNDBUF, &kSendBytes) != 0) throw Failure(errno, kOp, name, "send buffer");
  made.ifindex = IndexOf(name);
  Configure(made.ifindex, name, mtu, queue_length);
  return made;
}

}  // namespace tun_device
