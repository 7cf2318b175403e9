// Watching interfaces and processes; see watch.h.
#include "watch.h"

#include <linux/rtnetlink.h>
#include <sys/epoll.h>

#include <cerrno>
#include <utility>

#include "args.h"
#include "netlink.h"
#include "netns.h"
#include "process_events.h"

namespace {

// Hand-overs that may wait for JavaScript; one holds what one wake-up of the thread found.
constexpr int kMaxInFlight = 64;

struct Events : Pump::Item {
  std::vector<WatchPump::Event> events;

  void Deliver(napi_env env, napi_value callback) override {
    napi_value list, self;
    if (napi_create_array_with_length(env, events.size(), &list) != napi_ok) return;
    for (size_t i = 0; i < events.size(); i++) napi_set_element(env, list, static_cast<uint32_t>(i), Convert(env, events[i]));
    if (napi_get_undefined(env, &self) == napi_ok) napi_call_function(env, self, callback, 1, &list, nullptr);
  }

 private:
  static void Text(napi_env env, napi_value object, const char* key, const char* text) {
    napi_value value;
    if (napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok) napi_set_named_property(env, object, key, value);
  }
  static void Number(napi_env env, napi_value object, const char* key, int64_t number) {
    napi_value value;
    if (napi_create_int64(env, number, &value) == napi_ok) napi_set_named_property(env, object, key, value);
  }
  static napi_value Convert(napi_env env, const WatchPump::Event& event) {
    napi_value object = nullptr;
    if (napi_create_object(env, &object) != napi_ok) return nullptr;
    Number(env, object, "watch", event.watch);
    Text(env, object, "kind", event.kind);
    Text(env, object, "op", event.op);
    Number(env, object, "subject", event.subject);
    Text(env, object, "name", event.name.c_str());
    Number(env, object, "netns", event.netns);
    return object;
  }
};

void ReadRoute(uint32_t watch, const nlmsghdr* m, int netns, std::vector<WatchPump::Event>& events) {
  bool link = m->nlmsg_type == RTM_NEWLINK || m->nlmsg_type == RTM_DELLINK;
  bool address = m->nlmsg_type == RTM_NEWADDR || m->nlmsg_type == RTM_DELADDR;
  if (!link && !address) return;
  bool added = m->nlmsg_type == RTM_NEWLINK || m->nlmsg_type == RTM_NEWADDR;
  WatchPump::Event event = {watch, link ? "link" : "addr", added ? "new" : "del", 0, "", netns};
  if (link) {
    event.subject = static_cast<const ifinfomsg*>(NLMSG_DATA(m))->ifi_index;
    auto a = netlink::Attributes(m, sizeof(ifinfomsg), IFLA_IFNAME);
    if (a[IFLA_IFNAME].there()) event.name = a[IFLA_IFNAME].Text();
  } else {
    event.subject = static_cast<const ifaddrmsg*>(NLMSG_DATA(m))->ifa_index;
  }
  events.push_back(std::move(event));
}

void EpollAdd(int epoll, int fd, uint64_t id) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.u64 = id;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) throw Failure(errno, "epoll_ctl", "watch");
}

}  // namespace

WatchPump::WatchPump() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  if (!epoll_.valid()) throw Failure(errno, "epoll_create", "watch");
}

uint32_t WatchPump::Add(Fd fd, bool processes) {
  std::lock_guard<std::mutex> hold(sources_lock_);
  uint32_t id = next_++;
  EpollAdd(epoll_.get(), fd.get(), id);
  sources_.emplace(id, Source{std::move(fd), processes});
  return id;
}

uint32_t WatchPump::AddLinks(const std::string& ns, bool everywhere) {
  Fd fd;
  netns::Run(ns, [&] {
    fd = netlink::Open(NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, "watch_links");
  });
  if (everywhere) netlink::ListenEverywhere(fd.get(), "watch_links");
  return Add(std::move(fd), false);
}

uint32_t WatchPump::AddProcesses() { return Add(process_events::Open(), true); }

void WatchPump::Remove(uint32_t watch) {
  std::lock_guard<std::mutex> hold(sources_lock_);
  sources_.erase(watch);  // closing the socket takes it off the epoll
}

void WatchPump::Read(uint32_t watch, std::vector<Event>& events) {
  std::lock_guard<std::mutex> hold(sources_lock_);
  auto source = sources_.find(watch);
  if (source == sources_.end()) return;
  int result = netlink::Receive(source->second.fd.get(), buffer_, [&](const nlmsghdr* m, int netns) {
    if (source->second.processes) {
      process_events::Event event = process_events::Parse(m);
      if (event.op != nullptr) events.push_back({watch, "process", event.op, event.pid, ""});
    } else {
      ReadRoute(watch, m, netns, events);
    }
  });
  if (result < 0) events.push_back({watch, "overrun", "", 0, ErrnoName(result)});
}

void WatchPump::HandOver(std::vector<Event> events) {
  if (in_flight() >= kMaxInFlight) {
    for (const Event& event : events) overrun_.insert(event.watch);
    return;
  }
  for (uint32_t watch : overrun_) events.push_back({watch, "overrun", "", 0, ""});
  overrun_.clear();
  if (events.empty()) return;
  auto item = std::make_unique<Events>();
  item->events = std::move(events);
  Post(std::move(item));
}

void WatchPump::Prepare() { EpollAdd(epoll_.get(), wake_fd(), 0); }

void WatchPump::Run() {
  epoll_event ready[16];
  while (!stopping()) {
    // An overrun still to be told is tried again; otherwise there is nothing to wake up for.
    int count = epoll_wait(epoll_.get(), ready, 16, overrun_.empty() ? -1 : 100);
    std::vector<Event> events;
    for (int i = 0; i < count; i++) {
      if (ready[i].data.u64 != 0) Read(static_cast<uint32_t>(ready[i].data.u64), events);
    }
    HandOver(std::move(events));
  }
  // Not left to the collector: each socket keeps its namespace alive.
  std::lock_guard<std::mutex> hold(sources_lock_);
  sources_.clear();
}

Watcher::Watcher(const Napi::CallbackInfo& info) : Handle<Watcher>(info) {
  AtEdge(info.Env(), [&] {
    args::Require(info, info[0].IsFunction(), 0, "a function");
    auto pump = std::make_shared<WatchPump>();
    pump->Start(info.Env(), info[0].As<Napi::Function>(), "netlink_watch");
    pump_ = pump;
  });
}

Watcher::~Watcher() {
  if (pump_) pump_->Abandon();
}

Napi::Value Watcher::AddLinks(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), pump_->AddLinks(args::OptionalString(info, 0), info[1].ToBoolean()));
}

Napi::Value Watcher::AddProcesses(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), pump_->AddProcesses());
}

Napi::Value Watcher::Remove(const Napi::CallbackInfo& info) {
  pump_->Remove(args::Uint32(info, 0));
  return info.Env().Undefined();
}

Napi::Value Watcher::Close(const Napi::CallbackInfo& info) { return pump_->Close(info.Env()); }

void Watcher::Define(Napi::Env env, Napi::Object exports) {
  exports.Set("Watcher", DefineClass(env, "NativeWatcher",
                                     {Bind<&Watcher::AddLinks>("addLinks"), Bind<&Watcher::AddProcesses>("addProcesses"),
                                      Bind<&Watcher::Remove>("remove"), Bind<&Watcher::Close>("close")}));
}
