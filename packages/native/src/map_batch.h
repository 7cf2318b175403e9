// Many elements a system call: chunked reads with a cursor, whole-map reads into reused memory, bulk updates and
// deletes. Falls back to one element at a time for map types without batch operations. Touches no JavaScript.
#pragma once

#include <cstdint>
#include <vector>

#include "map.h"

namespace map_batch {

// The caller's memory: room for `capacity` keys and values.
struct Span {
  uint8_t* keys = nullptr;
  uint8_t* values = nullptr;
  uint32_t capacity = 0;
};

struct Chunk {
  uint32_t count = 0;
  bool end = false;   // nothing follows
  bool grow = false;  // one hash bucket holds more than the span: come back with a larger one
};

// cursor: empty to start; afterwards where to go on. Must be passed back unchanged.
Chunk Read(int fd, const MapShape& shape, std::vector<uint8_t>& cursor, const Span& into, bool delete_too);

void Write(int fd, const MapShape& shape, const uint8_t* keys, const uint8_t* values, uint32_t count, uint64_t flags);

// Keys that are not there (any more) are skipped; returns how many were deleted.
uint32_t Erase(int fd, const MapShape& shape, const uint8_t* keys, uint32_t count);

}  // namespace map_batch
