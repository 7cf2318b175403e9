// One BPF map by its own descriptor, independent of the object it came from. Bytes in, bytes out: what a key or a
// value means is the caller's matter.
#pragma once

#include <cstdint>
#include <string>

#include "fd.h"
#include "handle.h"

struct MapShape {
  std::string name;
  uint32_t type = 0;
  uint32_t key_size = 0;
  uint32_t value_size = 0;
  uint32_t max_entries = 0;
  uint32_t id = 0;
  uint32_t btf_id = 0;  // of the types its object was compiled with; 0 without any
  uint32_t cpus = 1;    // possible CPUs for per-CPU maps
  uint32_t stride = 0;  // bytes of one value as user space sees it: for per-CPU maps cpus × value rounded up to 8

  static MapShape Of(int fd, const std::string& name);
  std::string Layout() const;  // for messages
};

class Map : public Handle<Map> {
 public:
  struct Init {
    Fd fd;
    std::string name;  // '' takes the kernel's, which is cut at 15 characters
  };
  static void Define(Napi::Env env, Napi::Object exports);
  static Napi::Object New(Napi::Env env, Fd fd, const std::string& name);
  static Napi::Value OpenPinned(const Napi::CallbackInfo& info);

  explicit Map(const Napi::CallbackInfo& info);

  int Descriptor(const char* op) const;
  const MapShape& shape() const { return shape_; }

 private:
  Napi::Value Lookup(const Napi::CallbackInfo& info);
  Napi::Value Update(const Napi::CallbackInfo& info);
  Napi::Value SetProgram(const Napi::CallbackInfo& info);
  Napi::Value Delete(const Napi::CallbackInfo& info);
  Napi::Value NextKey(const Napi::CallbackInfo& info);
  Napi::Value LookupBatch(const Napi::CallbackInfo& info);
  Napi::Value ReadAll(const Napi::CallbackInfo& info);
  Napi::Value UpdateBatch(const Napi::CallbackInfo& info);
  Napi::Value DeleteBatch(const Napi::CallbackInfo& info);
  Napi::Value Freeze(const Napi::CallbackInfo& info);
  Napi::Value Pin(const Napi::CallbackInfo& info);
  Napi::Value GetBtf(const Napi::CallbackInfo& info);
  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value FdNumber(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  Fd fd_;
  MapShape shape_;
};
