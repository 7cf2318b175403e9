// Records and batches; see record.h.
#include "record.h"

#include <cstring>
#include <utility>

namespace record {
namespace {

// An empty batch has no memory to hand over.
bool ToBuffer(napi_env env, std::vector<uint8_t> batch, napi_value* out) {
  if (batch.empty()) return napi_create_arraybuffer(env, 0, nullptr, out) == napi_ok;
  auto* owned = new std::vector<uint8_t>(std::move(batch));
  auto free_bytes = [](napi_env, void*, void* hint) { delete static_cast<std::vector<uint8_t>*>(hint); };
  if (napi_create_external_arraybuffer(env, owned->data(), owned->size(), free_bytes, owned, out) == napi_ok) return true;
  delete owned;
  return false;
}

}  // namespace

void Append(std::vector<uint8_t>& batch, const uint8_t* data, size_t size) {
  size_t at = batch.size();
  batch.resize(at + Room(size));
  auto length = static_cast<uint32_t>(size);
  memcpy(batch.data() + at, &length, sizeof length);
  memcpy(batch.data() + at + kHeaderBytes, data, size);
}

bool ToArray(napi_env env, std::vector<uint8_t> batch, napi_value* out) {
  size_t size = batch.size();
  napi_value buffer;
  if (!ToBuffer(env, std::move(batch), &buffer)) return false;
  return napi_create_typedarray(env, napi_uint8_array, size, buffer, 0, out) == napi_ok;
}

}  // namespace record
