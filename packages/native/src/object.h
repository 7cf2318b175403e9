// One BPF object file: opened, configured, loaded once, closed. Programs and maps taken from it hold their own
// references, so closing the object leaves them alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "handle.h"

struct bpf_object;
struct bpf_map;
struct bpf_program;

class Object : public Handle<Object> {
 public:
  static void Define(Napi::Env env, Napi::Object exports);
  static Napi::Value Open(const Napi::CallbackInfo& info);

  explicit Object(const Napi::CallbackInfo& info);

  bpf_object* Get(const char* op) const;

  struct Closer {
    void operator()(bpf_object* object) const;
  };
  using Owned = std::unique_ptr<bpf_object, Closer>;
  struct Init {
    std::vector<uint8_t> bytes;  // libbpf reads from here until it is loaded
    Owned object;
    std::string name;
  };

 private:
  bpf_object* Unloaded(const char* op) const;
  bpf_map* FindMap(const char* op, const std::string& name) const;
  bpf_program* FindProgram(const char* op, const std::string& name) const;
  [[noreturn]] void ThrowLoadFailure(int error, const class LibbpfLog& log) const;

  Napi::Value SetVariable(const Napi::CallbackInfo& info);
  Napi::Value SetAutoload(const Napi::CallbackInfo& info);
  Napi::Value SetMaxEntries(const Napi::CallbackInfo& info);
  Napi::Value PinMap(const Napi::CallbackInfo& info);
  Napi::Value Load(const Napi::CallbackInfo& info);
  Napi::Value GetProgram(const Napi::CallbackInfo& info);
  Napi::Value Programs(const Napi::CallbackInfo& info);
  Napi::Value GetMap(const Napi::CallbackInfo& info);
  Napi::Value Maps(const Napi::CallbackInfo& info);
  Napi::Value GetBtf(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::vector<uint8_t> bytes_;
  Owned object_;
  std::string name_;
  enum class State { kOpen, kLoaded, kFailed } state_ = State::kOpen;
};
