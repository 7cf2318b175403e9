// One loaded program by its own descriptor: its facts, where it can be attached (attach.h), test runs, iterators.
// Loading is object.cc's part.
#pragma once

#include <cstdint>
#include <string>

#include "fd.h"
#include "handle.h"

class Program : public Handle<Program> {
 public:
  struct Init {
    Fd fd;
    std::string name;               // '' takes the kernel's, which is cut at 15 characters
    uint32_t expected_attach_type;  // the kernel doesn't tell it; 0 for programs opened from a pin
  };
  static void Define(Napi::Env env, Napi::Object exports);
  static Napi::Object New(Napi::Env env, Init init);
  static Napi::Value OpenPinned(const Napi::CallbackInfo& info);

  explicit Program(const Napi::CallbackInfo& info);

  int Descriptor(const char* op) const;
  const std::string& name() const { return name_; }
  uint32_t expected_attach_type() const { return expected_attach_type_; }

 private:
  Napi::Value Attach(const Napi::CallbackInfo& info);
  Napi::Value Iterate(const Napi::CallbackInfo& info);
  Napi::Value TestRun(const Napi::CallbackInfo& info);
  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value Pin(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  Fd fd_;
  std::string name_;
  uint32_t expected_attach_type_ = 0;
  uint32_t type_ = 0;
};
