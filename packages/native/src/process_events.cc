// The proc connector; see process_events.h.
#include "process_events.h"

#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "error.h"
#include "netlink.h"

namespace process_events {
namespace {

constexpr int kAnswerMs = 2000;

// Nothing in these messages is 8-aligned, so they are copied out.
bool Read(const nlmsghdr* m, proc_event& event) {
  cn_msg head;
  if (m->nlmsg_type != NLMSG_DONE || m->nlmsg_len < NLMSG_LENGTH(sizeof head + sizeof(uint32_t))) return false;
  memcpy(&head, NLMSG_DATA(m), sizeof head);
  if (head.id.idx != CN_IDX_PROC) return false;
  size_t there = m->nlmsg_len - NLMSG_LENGTH(sizeof head);
  memset(&event, 0, sizeof event);
  memcpy(&event, static_cast<const uint8_t*>(NLMSG_DATA(m)) + sizeof head, std::min(there, sizeof event));
  return true;
}

void Subscribe(int fd) {
  cn_msg head = {};
  head.id = {CN_IDX_PROC, CN_VAL_PROC};
  head.len = sizeof(proc_cn_mcast_op);
  uint8_t fixed[sizeof head + sizeof(proc_cn_mcast_op)];
  auto listen = PROC_CN_MCAST_LISTEN;
  memcpy(fixed, &head, sizeof head);
  memcpy(fixed + sizeof head, &listen, sizeof listen);
  netlink::Request request(NLMSG_DONE, 0, fixed, sizeof fixed);
  const nlmsghdr* message = request.Finish();
  if (send(fd, message, message->nlmsg_len, 0) < 0) throw Failure(errno, "watch_processes", "proc connector");
}

}  // namespace

Fd Open() {
  Fd fd = netlink::Open(NETLINK_CONNECTOR, CN_IDX_PROC, "watch_processes");
  Subscribe(fd.get());
  // The kernel answers with an event 'none'; in a nested namespace it says nothing at all.
  std::vector<uint8_t> buffer;
  int error = -EOPNOTSUPP;
  pollfd waiting = {fd.get(), POLLIN, 0};
  while (error == -EOPNOTSUPP && poll(&waiting, 1, kAnswerMs) > 0) {
    netlink::Receive(fd.get(), buffer, [&](const nlmsghdr* m, int) {
      proc_event event;
      if (Read(m, event) && event.what == 0) error = -static_cast<int>(event.event_data.ack.err);
    });
  }
  if (error != 0) throw Failure(error, "watch_processes", "proc connector");
  return fd;
}

Event Parse(const nlmsghdr* message) {
  proc_event event;
  if (!Read(message, event)) return {};
  switch (static_cast<uint32_t>(event.what)) {
    case 0x00000001: {
      const auto& fork = event.event_data.fork;
      return fork.child_pid == fork.child_tgid ? Event{"fork", fork.child_tgid} : Event{};
    }
    case 0x00000002:
      return {"exec", event.event_data.exec.process_tgid};
    case 0x80000000: {
      const auto& exit = event.event_data.exit;
      return exit.process_pid == exit.process_tgid ? Event{"exit", exit.process_tgid} : Event{};
    }
    default:
      return {};
  }
}

}  // namespace process_events
