// The second check of arguments, at the C++ edge: lib/args.ts has already explained to the user what was wrong, this
// one only guarantees that no wrong type reaches a cast.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace args {

inline void Require(const Napi::CallbackInfo& info, bool ok, size_t index, const char* expected) {
  if (ok) return;
  throw Napi::TypeError::New(info.Env(), "native argument " + std::to_string(index) + ": expected " + expected);
}

inline std::string String(const Napi::CallbackInfo& info, size_t index) {
  Require(info, info[index].IsString(), index, "a string");
  return info[index].As<Napi::String>();
}

// '' for undefined: an optional path.
inline std::string OptionalString(const Napi::CallbackInfo& info, size_t index) {
  return info[index].IsUndefined() ? std::string() : String(info, index);
}

inline uint32_t Uint32(const Napi::CallbackInfo& info, size_t index) {
  Require(info, info[index].IsNumber(), index, "a number");
  return info[index].As<Napi::Number>().Uint32Value();
}

inline int64_t Int64(const Napi::CallbackInfo& info, size_t index) {
  Require(info, info[index].IsNumber(), index, "a number");
  return info[index].As<Napi::Number>().Int64Value();
}

inline bool Bool(const Napi::CallbackInfo& info, size_t index) {
  Require(info, info[index].IsBoolean(), index, "a boolean");
  return info[index].As<Napi::Boolean>();
}

inline Napi::Uint8Array Bytes(const Napi::CallbackInfo& info, size_t index) {
  Require(info, info[index].IsTypedArray(), index, "bytes");
  auto array = info[index].As<Napi::TypedArray>();
  Require(info, array.TypedArrayType() == napi_uint8_array, index, "a Uint8Array");
  return info[index].As<Napi::Uint8Array>();
}

inline Napi::Uint8Array SizedBytes(const Napi::CallbackInfo& info, size_t index, size_t size) {
  Napi::Uint8Array bytes = Bytes(info, index);
  Require(info, bytes.ByteLength() >= size, index, "more bytes");
  return bytes;
}

inline Napi::Object Object(const Napi::CallbackInfo& info, size_t index) {
  Require(info, info[index].IsObject(), index, "an object");
  return info[index].As<Napi::Object>();
}

// A handle of ours and of this very class: another's memory must not be read as its. `constructor` is that in Addon.
template <typename T>
T* Handle(const Napi::CallbackInfo& info, size_t index, const Napi::FunctionReference& constructor, const char* expected) {
  Napi::Object object = Object(info, index);
  Require(info, object.InstanceOf(constructor.Value()), index, expected);
  return T::Unwrap(object);
}

inline uint64_t BigInt(const Napi::CallbackInfo& info, size_t index) {
  Require(info, info[index].IsBigInt(), index, "a bigint");
  bool lossless = true;
  return info[index].As<Napi::BigInt>().Uint64Value(&lossless);
}

}  // namespace args
