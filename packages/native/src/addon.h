// What one JavaScript environment (the main thread or a worker) has of this addon: the classes' constructors and the
// error class. Kept per environment because handles of two environments must not meet.
#pragma once

#include <napi.h>

struct Addon {
  Napi::FunctionReference error_class;
  Napi::FunctionReference object;
  Napi::FunctionReference program;
  Napi::FunctionReference map;
  Napi::FunctionReference link;
  Napi::FunctionReference tc_link;
  Napi::FunctionReference btf;

  static Addon& Of(Napi::Env env) { return *env.GetInstanceData<Addon>(); }
};
