// Changes as they happen, for any number of namespaces on one thread: interfaces and addresses by rtnetlink multicast,
// processes by the proc connector. Reports that something changed, not the new state; what was missed is an 'overrun'.
//
// A watched namespace stays alive as long as its watch: the socket holds it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "handle.h"
#include "pump.h"

struct nlmsghdr;

class WatchPump : public Pump {
 public:
  struct Event {
    uint32_t watch;
    const char* kind;  // 'link', 'addr', 'process', 'overrun'
    const char* op;    // 'new', 'del', 'fork', 'exec', 'exit', ''
    int64_t subject;   // ifindex or pid
    std::string name;
    int netns = -1;  // by its number in the watched namespace; negative: the watched one itself
  };

  WatchPump();
  // everywhere: also those of all namespaces that `ns` has a number for. They are not kept alive.
  uint32_t AddLinks(const std::string& ns, bool everywhere);
  uint32_t AddProcesses();
  void Remove(uint32_t watch);

 protected:
  void Prepare() override;
  void Run() override;

 private:
  struct Source {
    Fd fd;
    bool processes;
  };
  uint32_t Add(Fd fd, bool processes);
  void Read(uint32_t watch, std::vector<Event>& events);
  void HandOver(std::vector<Event> events);

  Fd epoll_;
  std::mutex sources_lock_;
  std::map<uint32_t, Source> sources_;
  uint32_t next_ = 1;
  std::set<uint32_t> overrun_;  // watches that lost events JavaScript was too slow for
  std::vector<uint8_t> buffer_;
};

class Watcher : public Handle<Watcher> {
 public:
  static void Define(Napi::Env env, Napi::Object exports);
  explicit Watcher(const Napi::CallbackInfo& info);
  ~Watcher() override;

 private:
  Napi::Value AddLinks(const Napi::CallbackInfo& info);
  Napi::Value AddProcesses(const Napi::CallbackInfo& info);
  Napi::Value Remove(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::shared_ptr<WatchPump> pump_;
};
