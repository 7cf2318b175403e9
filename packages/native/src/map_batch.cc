// Batch operations on maps; see map_batch.h.
#include "map_batch.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "error.h"

namespace map_batch {
namespace {

constexpr int kNotSupported = 524;  // the kernel's internal ENOTSUPP, which it lets out here

bool Unsupported(int error) { return error == kNotSupported || error == EOPNOTSUPP || error == EINVAL; }

// Element by element. The cursor is the last key seen; a key deleted meanwhile makes the kernel start over, so a read
// of a map under deletion can repeat elements (the batch calls cannot): only types without batch calls come here.
Chunk ReadSlowly(int fd, const MapShape& shape, std::vector<uint8_t>& cursor, const Span& into, bool delete_too) {
  Chunk chunk;
  std::vector<uint8_t> next(shape.key_size);
  while (chunk.count < into.capacity) {
    const void* from = cursor.empty() ? nullptr : cursor.data();
    if (bpf_map_get_next_key(fd, from, next.data()) != 0) {
      if (errno != ENOENT) throw Failure(errno, "map_next_key", shape.name);
      chunk.end = true;
      return chunk;
    }
    uint8_t* value = into.values + static_cast<size_t>(chunk.count) * shape.stride;
    bool found = bpf_map_lookup_elem(fd, next.data(), value) == 0;
    if (!found && errno != ENOENT) throw Failure(errno, "map_lookup", shape.name);
    if (found) {
      memcpy(into.keys + static_cast<size_t>(chunk.count) * shape.key_size, next.data(), shape.key_size);
      chunk.count++;
    }
    // A deleted key is no place to go on from: the walk starts at the front again, where everything is new.
    if (found && delete_too) {
      if (bpf_map_delete_elem(fd, next.data()) != 0 && errno != ENOENT) throw Failure(errno, "map_delete", shape.name);
      cursor.clear();
    } else {
      cursor = next;
    }
  }
  return chunk;
}

bool WriteBatch(int fd, const MapShape& shape, const uint8_t* keys, const uint8_t* values, uint32_t count, uint64_t flags) {
  LIBBPF_OPTS(bpf_map_batch_opts, opts, .elem_flags = flags);
  uint32_t done = count;
  if (bpf_map_update_batch(fd, keys, values, &done, &opts) == 0) return true;
  int error = errno;
  if (Unsupported(error)) return false;
  throw Failure(error, "map_update_batch", shape.name, "after " + std::to_string(done) + " of " + std::to_string(count));
}

}  // namespace

Chunk Read(int fd, const MapShape& shape, std::vector<uint8_t>& cursor, const Span& into, bool delete_too) {
  // Hash maps hand out a bucket number, the others the last key; 8 covers the former.
  std::vector<uint8_t> next(std::max<size_t>(shape.key_size, 8));
  Chunk chunk;
  uint32_t count = into.capacity;
  void* from = cursor.empty() ? nullptr : cursor.data();
  auto* read = delete_too ? bpf_map_lookup_and_delete_batch : bpf_map_lookup_batch;
  int error = read(fd, from, next.data(), into.keys, into.values, &count, nullptr) == 0 ? 0 : errno;
  // A first call that is refused may be a type without batch calls; later ones have shown that it is not.
  if (error != 0 && Unsupported(error) && (cursor.empty() || cursor.size() == shape.key_size)) {
    return ReadSlowly(fd, shape, cursor, into, delete_too);
  }
  if (error != 0 && error != ENOENT && error != ENOSPC) throw Failure(error, "map_lookup_batch", shape.name);
  chunk.count = count;
  chunk.end = error == ENOENT;
  chunk.grow = error == ENOSPC;  // only ever said before the first element of the span
  if (!chunk.end && !chunk.grow) cursor = next;
  return chunk;
}

void Write(int fd, const MapShape& shape, const uint8_t* keys, const uint8_t* values, uint32_t count, uint64_t flags) {
  if (count == 0 || WriteBatch(fd, shape, keys, values, count, flags)) return;
  for (uint32_t i = 0; i < count; i++) {
    const uint8_t* key = keys + static_cast<size_t>(i) * shape.key_size;
    const uint8_t* value = values + static_cast<size_t>(i) * shape.stride;
    if (bpf_map_update_elem(fd, key, value, flags) == 0) continue;
    throw Failure(errno, "map_update_batch", shape.name, "after " + std::to_string(i) + " of " + std::to_string(count));
  }
}

uint32_t Erase(int fd, const MapShape& shape, const uint8_t* keys, uint32_t count) {
  uint32_t erased = 0;
  uint32_t at = 0;
  bool batches = true;
  while (at < count) {
    const uint8_t* key = keys + static_cast<size_t>(at) * shape.key_size;
    uint32_t done = count - at;
    int error = 0;
    if (batches) {
      error = bpf_map_delete_batch(fd, key, &done, nullptr) == 0 ? 0 : errno;
      if (error != 0 && Unsupported(error)) {
        batches = false;
        continue;
      }
    } else {
      error = bpf_map_delete_elem(fd, key) == 0 ? 0 : errno;
      done = error == 0 ? 1 : 0;
    }
    if (error != 0 && error != ENOENT) throw Failure(error, "map_delete_batch", shape.name);
    erased += done;
    at += done + (error == ENOENT ? 1 : 0);
  }
  return erased;
}

}  // namespace map_batch
