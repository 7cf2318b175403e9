// Names of errno values and the way from a Failure to a JavaScript BpfError. Decides nothing about when something failed.
#include "error.h"

#include <cstring>
#include <utility>

#include "addon.h"

namespace {

// Kernel-internal, but leaks out of bpf() for operations that a map type lacks; libc has no name for it.
constexpr int kErrNotSupported = 524;

std::string Describe(const Failure& f, const std::string& text) {
  std::string out = f.op;
  if (!f.object.empty()) out += " " + f.object;
  out += ": " + f.code;
  if (!text.empty()) out += " (" + text + ")";
  if (!f.detail.empty()) out += ": " + f.detail;
  return out;
}

}  // namespace

std::string ErrnoName(int error) {
  int positive = error < 0 ? -error : error;
  if (positive == kErrNotSupported) return "ENOTSUPP";
  const char* name = strerrorname_np(positive);
  return name != nullptr ? name : "E" + std::to_string(positive);
}

std::string ErrnoText(int error) {
  int positive = error < 0 ? -error : error;
  if (positive == kErrNotSupported) return "operation not supported by this kind of object";
  const char* text = strerrordesc_np(positive);
  return text != nullptr ? text : "unknown error";
}

Failure::Failure(int error, std::string operation, std::string target, std::string more)
    : code(ErrnoName(error)), op(std::move(operation)), object(std::move(target)), detail(std::move(more)) {
  message = Describe(*this, ErrnoText(error));
}

Failure Failure::Closed(const std::string& operation, const std::string& target) {
  Failure f(0, operation, target);
  f.code = "ECLOSED";
  f.message = Describe(f, "the handle is closed");
  return f;
}

void SetErrorClass(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) throw Napi::TypeError::New(info.Env(), "setErrorClass: expected a class");
  Addon::Of(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
}

Napi::Error ToError(Napi::Env env, const Failure& failure) {
  Addon& addon = Addon::Of(env);
  if (addon.error_class.IsEmpty()) return Napi::Error::New(env, failure.message);
  Napi::Object fields = Napi::Object::New(env);
  fields.Set("code", failure.code);
  fields.Set("op", failure.op);
  fields.Set("object", failure.object);
  if (!failure.verifier_log.empty()) fields.Set("verifierLog", failure.verifier_log);
  Napi::Value error = addon.error_class.New({Napi::String::New(env, failure.message), fields});
  return Napi::Error(env, error);
}
