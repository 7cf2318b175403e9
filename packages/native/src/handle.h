// The base of every class JavaScript can hold: methods run at the edge (see error.h), and instances are made by this
// addon only. `new binding.Map()` from JavaScript is refused, because a handle wraps a descriptor we own.
#pragma once

#include <napi.h>

#include <utility>

#include "error.h"

template <typename T>
class Handle : public Napi::ObjectWrap<T> {
 public:
  explicit Handle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info) {}

 protected:
  using Method = Napi::Value (T::*)(const Napi::CallbackInfo&);

  template <Method method>
  Napi::Value Call(const Napi::CallbackInfo& info) {
    return AtEdge(info.Env(), [&] { return (static_cast<T*>(this)->*method)(info); });
  }

  template <Method method>
  static Napi::ClassPropertyDescriptor<T> Bind(const char* name) {
    return Napi::ObjectWrap<T>::InstanceMethod(name, static_cast<Method>(&Handle<T>::template Call<method>));
  }

  // What the constructor was given by Make(); throws for a call from JavaScript.
  template <typename Init>
  static Init Take(const Napi::CallbackInfo& info) {
    if (info.Length() != 1 || !info[0].IsExternal()) {
      throw Napi::TypeError::New(info.Env(), "this class is made by the addon, not by new");
    }
    return std::move(*info[0].As<Napi::External<Init>>().Data());
  }

  template <typename Init>
  static Napi::Object Make(Napi::Env env, Napi::FunctionReference& constructor, Init init) {
    return constructor.New({Napi::External<Init>::New(env, &init)});
  }
};

// For plain functions: `exports.Set(name, Edge<fn>(env, name))`.
template <Napi::Value (*function)(const Napi::CallbackInfo&)>
Napi::Function Edge(Napi::Env env, const char* name) {
  return Napi::Function::New(
      env, [](const Napi::CallbackInfo& info) { return AtEdge(info.Env(), [&] { return function(info); }); }, name);
}
