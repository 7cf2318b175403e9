// How bytes of any length go to JavaScript many at a time: records back to back, each u32 length, u32 zero, payload,
// padding to 8.
#pragma once

#include <napi.h>

#include <cstdint>
#include <vector>

namespace record {

constexpr size_t kHeaderBytes = 8;

// What a payload of this size takes.
constexpr size_t Room(size_t size) { return kHeaderBytes + (size + 7) / 8 * 8; }

void Append(std::vector<uint8_t>& batch, const uint8_t* data, size_t size);

// A Uint8Array of the batch's own memory, without a copy. In plain N-API, for a Pump::Item; false when JavaScript is gone.
bool ToArray(napi_env env, std::vector<uint8_t> batch, napi_value* out);

}  // namespace record
