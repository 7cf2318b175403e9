// Short-lived threads in other network namespaces; see netns.h. Holds no namespace open longer than a call.
#include "netns.h"

#include <dirent.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cctype>
#include <cerrno>
#include <exception>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

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

// Where namespaces were when all were looked through the last time. Whoever goes by it asks for the cookie again.
std::mutex seen_lock;
std::map<uint64_t, std::string> seen;

std::string SeenAt(uint64_t cookie) {
  std::lock_guard<std::mutex> hold(seen_lock);
  auto found = seen.find(cookie);
  return found == seen.end() ? std::string() : found->second;
}

// The namespace has gone meanwhile, is none of network, or another's.
bool LeadsNowhere(const Failure& failure) {
  return failure.code == "ENOENT" || failure.code == "ESRCH" || failure.code == "EINVAL" || failure.code == "EACCES";
}

bool RunIfIn(uint64_t cookie, const std::string& path, const std::function<void()>& work) {
  bool ran = false;
  try {
    Run(path, [&] {
      uint64_t own = OwnCookie();
      {
        std::lock_guard<std::mutex> hold(seen_lock);
        seen[own] = path;
      }
      if (own != cookie) return;
      ran = true;
      work();
    });
  } catch (const Failure& failure) {
    if (ran || !LeadsNowhere(failure)) throw;
  }
  return ran;
}

class Paths {
 public:
  void Add(const std::string& path) {
    struct stat file;
    if (stat(path.c_str(), &file) == 0 && seen_.insert(file.st_ino).second) paths_.push_back(path);
  }
  std::vector<std::string> Take() { return std::move(paths_); }

 private:
  std::set<ino_t> seen_;
  std::vector<std::string> paths_;
};

// One for each namespace.
std::vector<std::string> AllPaths() {
  Paths out;
  std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir("/proc"), closedir);
  while (const dirent* entry = processes ? readdir(processes.get()) : nullptr) {
    if (isdigit(entry->d_name[0])) out.Add(std::string("/proc/") + entry->d_name + "/ns/net");
  }
  std::ifstream mounts("/proc/self/mounts");
  std::string device, path, type, rest;
  while (mounts >> device >> path >> type && std::getline(mounts, rest)) {
    if (type == "nsfs") out.Add(path);
  }
  return out.Take();
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

bool RunIn(uint64_t cookie, const std::string& last, const std::function<void()>& work) {
  if (RunIfIn(cookie, last, work) || RunIfIn(cookie, SeenAt(cookie), work)) return true;
  {
    std::lock_guard<std::mutex> hold(seen_lock);
    seen.clear();
  }
  for (const std::string& path : AllPaths()) {
    if (RunIfIn(cookie, path, work)) return true;
  }
  return false;
}

uint64_t OwnCookie() {
  uint64_t cookie = 0;
  Fd s(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!s.valid()) throw Failure(errno, "socket", "");
  socklen_t size = sizeof cookie;
  if (getsockopt(s.get(), SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) != 0) throw Failure(errno, "netns_cookie", "");
  return cookie;
}

uint64_t Cookie(const std::string& path) {
  uint64_t cookie = 0;
  Run(path, [&] { cookie = OwnCookie(); });
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
