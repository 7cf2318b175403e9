// Type information, one type at a time: of the running kernel, a file or an object. What a struct or an enumeration
// looks like is put together in lib/btf.ts; here are only ids, names, kinds and what they refer to.
#pragma once

#include <string>

#include "handle.h"

struct btf;

class Btf : public Handle<Btf> {
 public:
  struct Init {
    btf* types;
    std::string name;
  };
  static void Define(Napi::Env env, Napi::Object exports);
  static Napi::Object New(Napi::Env env, btf* types, const std::string& name);  // takes types over
  static Napi::Value OpenVmlinux(const Napi::CallbackInfo& info);
  static Napi::Value OpenFile(const Napi::CallbackInfo& info);

  explicit Btf(const Napi::CallbackInfo& info);
  ~Btf() override;

 private:
  btf* Get(const char* op) const;
  Napi::Value TypeCount(const Napi::CallbackInfo& info);
  Napi::Value Find(const Napi::CallbackInfo& info);
  Napi::Value Type(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  btf* types_ = nullptr;
  std::string name_;
};
