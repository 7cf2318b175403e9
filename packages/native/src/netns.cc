// Short-lived threads in other network namespaces; see netns.h. Holds no namespace open longer than a call.
#include "netns.h"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <cerrno>
#include <exception>
#include <system_error>
#include <thread>

#include "error.h"
#include "netlink.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

namespace netns {
namespace {

void OnThread(const std::function<void()>& work) {
  std::exception_ptr thrown;
  auto guarded = [&] {
    try {
      work();
    } catch (...) {
      thrown = std::current_exception();
    }
  };
  try {
    std::thread(guarded).join();
  } catch (const std::system_error& error) {
    throw Failure(error.code().value(), "thread_create", "");
  }
  if (thrown) std::rethrow_exception(thrown);
}

void Enter(const std::string& path) {
  Fd ns = Open(path);
  if (setns(ns.get(), CLONE_NEWNET) != 0) throw Failure(errno, "setns", path);
}

constexpr int kNone = NETNSA_NSID_NOT_ASSIGNED;

int NumberOf(int socket, int ns_fd) {
  rtgenmsg any = {};
  netlink::Request request(RTM_GETNSID, 0, &any, sizeof any);
  request.Put(NETNSA_FD, &ns_fd, sizeof ns_fd);
  int number = kNone;
  int error = netlink::Answered(socket, request, "netns_number", [&](const nlmsghdr* m) {
    auto a = netlink::Attributes(m, sizeof(rtgenmsg), NETNSA_MAX);
    if (a[NETNSA_NSID].there()) number = static_cast<int>(a[NETNSA_NSID].U32());
  });
  if (error != 0) throw Failure(error, "netns_number", "");
  return number;
}

void GiveNumber(int socket, int ns_fd) {
  rtgenmsg any = {};
  netlink::Request request(RTM_NEWNSID, NLM_F_ACK, &any, sizeof any);
  int whichever = kNone;
  request.Put(NETNSA_NSID, &whichever, sizeof whichever);
  request.Put(NETNSA_FD, &ns_fd, sizeof ns_fd);
  int error = netlink::Acknowledged(socket, request, "netns_number");
  // race: the kernel, or another agent of this host, gave one in between.
  if (error != 0 && error != -EEXIST) throw Failure(error, "netns_number", "");
}

void PinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof set, &set) != 0) throw Failure(errno, "sched_setaffinity", "cpu " + std::to_string(cpu));
}

}  // namespace

Fd Open(const std::string& path) {
  Fd ns(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!ns.valid()) throw Failure(errno, "netns_open", path);
  return ns;
}

void Run(const std::string& path, const std::function<void()>& work) { RunOnCpu(path, -1, work); }

void RunOnCpu(const std::string& path, int cpu, const std::function<void()>& work) {
  if (path.empty() && cpu < 0) return work();
  OnThread([&] {
    if (cpu >= 0) PinTo(cpu);
    if (!path.empty()) Enter(path);
    work();
  });
}

void RunInFresh(const std::function<void()>& work) {
  OnThread([&] {
    if (unshare(CLONE_NEWNET) != 0) throw Failure(errno, "unshare", "network namespace");
    work();
  });
}

uint64_t Cookie(const std::string& path) {
  uint64_t cookie = 0;
  Run(path, [&] {
    Fd s(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!s.valid()) throw Failure(errno, "socket", path);
    socklen_t size = sizeof cookie;
    if (getsockopt(s.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) throw Failure(errno, "netns_cookie", path);
  });
  return cookie;
}

int Number(const std::string& ns, const std::string& of) {
  Fd target = Open(of);
  int number = kNone;
  Run(ns, [&] {
    Fd socket = netlink::Open(NETLINK_ROUTE, 0, "netns_number");
    number = NumberOf(socket.get(), target.get());
    if (number != kNone) return;
    GiveNumber(socket.get(), target.get());
    number = NumberOf(socket.get(), target.get());
  });
  return number;
}

}  // namespace netns
