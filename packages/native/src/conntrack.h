// A namespace's translated connections: dumped when asked, and every new and destroyed one by netlink events. What is
// read is bounded: the kernel's buffer while nobody reads, the number of entries of a dump.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "conntrack_entry.h"
#include "fd.h"
#include "handle.h"

// new ConntrackWatch(netns path | undefined); throws where the kernel has no conntrack netlink or refuses it
class ConntrackWatch : public Handle<ConntrackWatch> {
 public:
  static void Define(Napi::Env env, Napi::Object exports);
  explicit ConntrackWatch(const Napi::CallbackInfo& info);

 private:
  Napi::Value Dump(const Napi::CallbackInfo& info);  // (most) -> { bytes, left }
  Napi::Value Read(const Napi::CallbackInfo& info);  // () -> { bytes, overran }
  Napi::Value Close(const Napi::CallbackInfo& info);
  void RequireOpen(const char* op) const;

  std::string netns_;
  Fd events_;
  Fd requests_;
  std::vector<uint8_t> buffer_;
  std::vector<conntrack::Record> records_;
};
