// The fields of an object from JavaScript, which lib/ has checked. One that is missing, or of another type than asked
// for, is not there: no wrong type reaches a cast.
#pragma once

#include <napi.h>

#include <cstdint>
#include <string>

namespace fields {

// '' when it isn't there.
inline std::string Text(const Napi::Object& from, const char* key) {
  Napi::Value value = from.Get(key);
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

inline int64_t Number(const Napi::Object& from, const char* key, int64_t missing = 0) {
  Napi::Value value = from.Get(key);
  return value.IsNumber() ? value.As<Napi::Number>().Int64Value() : missing;
}

inline uint32_t Uint32(const Napi::Object& from, const char* key, uint32_t missing = 0) {
  return static_cast<uint32_t>(Number(from, key, missing));
}

inline bool IsThere(const Napi::Object& from, const char* key) { return !from.Get(key).IsUndefined(); }

inline bool IsTrue(const Napi::Object& from, const char* key) { return from.Get(key).ToBoolean(); }

}  // namespace fields
