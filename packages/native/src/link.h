// One attachment as a bpf_link: closing the last descriptor detaches it, a pin keeps it. Works inside the kernel from
// then on; which program ought to be attached where is the caller's business.
#pragma once

#include <string>

#include "fd.h"
#include "handle.h"

class Link : public Handle<Link> {
 public:
  struct Init {
    Fd fd;
    std::string what;      // for messages: 'tcx ingress of ifindex 4'
    std::string pin_path;  // '' while not pinned
  };
  static void Define(Napi::Env env, Napi::Object exports);
  static Napi::Object New(Napi::Env env, Init init);
  static Napi::Value OpenPinned(const Napi::CallbackInfo& info);

  explicit Link(const Napi::CallbackInfo& info);

 private:
  int Descriptor(const char* op) const;
  Napi::Value Update(const Napi::CallbackInfo& info);
  Napi::Value Pin(const Napi::CallbackInfo& info);
  Napi::Value Unpin(const Napi::CallbackInfo& info);
  Napi::Value Detach(const Napi::CallbackInfo& info);
  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  Fd fd_;
  std::string what_;
  std::string pin_path_;
};
