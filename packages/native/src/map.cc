// The Map class: single elements, batches through map_batch, pins. See map.h.
#include "map.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "addon.h"
#include "args.h"
#include "btf.h"
#include "kernel_abi.h"
#include "map_batch.h"
#include "pin.h"
#include "program.h"

namespace {

constexpr uint32_t kPerCpuCgroupStorage = 21;

bool IsPerCpu(uint32_t type) {
  return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == kPerCpuCgroupStorage;
}

struct Freed {
  void operator()(uint8_t* p) const { free(p); }
};
using Memory = std::unique_ptr<uint8_t, Freed>;

Memory Allocate(size_t bytes) {
  // malloc and not new: elements not yet written are never read, and clearing 16 MB a second is not free.
  auto* p = static_cast<uint8_t*>(malloc(std::max<size_t>(bytes, 1)));
  if (p == nullptr) throw Failure(ENOMEM, "map_read_all", std::to_string(bytes) + " bytes");
  return Memory(p);
}

// Hands memory to JavaScript, which frees it.
Napi::Value Give(Napi::Env env, Memory memory, size_t bytes) {
  uint8_t* p = memory.release();
  return Napi::Buffer<uint8_t>::New(env, p, bytes, [](Napi::Env, uint8_t* q) { free(q); });
}

// Memory for a whole map: the caller's as long as it is large enough, else our own, doubled on demand.
class Room {
 public:
  Room(const MapShape& shape, uint8_t* keys, uint8_t* values, uint32_t capacity) : shape_(shape) {
    span_ = {keys, values, capacity};
    if (capacity == 0) Grow(0, std::clamp<uint32_t>(shape.max_entries, 1, 4096));
  }
  map_batch::Span Rest(uint32_t used) const {
    return {span_.keys + size_t{used} * shape_.key_size, span_.values + size_t{used} * shape_.stride,
            span_.capacity - used};
  }
  void Grow(uint32_t used, uint32_t capacity) {
    Memory keys = Allocate(size_t{capacity} * shape_.key_size);
    Memory values = Allocate(size_t{capacity} * shape_.stride);
    if (used > 0) {
      memcpy(keys.get(), span_.keys, size_t{used} * shape_.key_size);
      memcpy(values.get(), span_.values, size_t{used} * shape_.stride);
    }
    keys_ = std::move(keys);
    values_ = std::move(values);
    span_ = {keys_.get(), values_.get(), capacity};
  }
  uint32_t capacity() const { return span_.capacity; }
  bool own() const { return keys_ != nullptr; }
  Napi::Value GiveKeys(Napi::Env env) { return Give(env, std::move(keys_), size_t{span_.capacity} * shape_.key_size); }
  Napi::Value GiveValues(Napi::Env env) { return Give(env, std::move(values_), size_t{span_.capacity} * shape_.stride); }

 private:
  const MapShape& shape_;
  map_batch::Span span_;
  Memory keys_;
  Memory values_;
};

uint32_t ReadWhole(int fd, const MapShape& shape, Room& room) {
  // A walk by keys starts over when its key was deleted; under steady churn that must not go on for ever.
  const uint64_t most = uint64_t{shape.max_entries} * 2 + 64;
  std::vector<uint8_t> cursor;
  uint32_t used = 0;
  while (true) {
    if (used == room.capacity()) room.Grow(used, used * 2);
    map_batch::Chunk chunk = map_batch::Read(fd, shape, cursor, room.Rest(used), false);
    used += chunk.count;
    if (chunk.end) return used;
    if (chunk.grow) room.Grow(used, room.capacity() * 2);
    if (used > most) throw Failure(EAGAIN, "map_read_all", shape.name, "the map changed too much while it was read");
  }
}

Napi::Value Copy(Napi::Env env, const std::vector<uint8_t>& bytes) {
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

const void* OrNull(const Napi::Uint8Array& bytes) { return bytes.ByteLength() == 0 ? nullptr : bytes.Data(); }

}  // namespace

MapShape MapShape::Of(int fd, const std::string& name) {
  bpf_map_info info = {};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) throw Failure(errno, "map_info", name);
  MapShape shape;
  shape.name = name.empty() ? info.name : name;
  shape.type = info.type;
  shape.key_size = info.key_size;
  shape.value_size = info.value_size;
  shape.max_entries = info.max_entries;
  shape.id = info.id;
  shape.btf_id = info.btf_id;
  shape.stride = info.value_size;
  if (IsPerCpu(info.type)) {
    int cpus = libbpf_num_possible_cpus();
    if (cpus < 0) throw Failure(cpus, "possible_cpus", shape.name);
    shape.cpus = static_cast<uint32_t>(cpus);
    shape.stride = (info.value_size + 7) / 8 * 8 * shape.cpus;
  }
  return shape;
}

std::string MapShape::Layout() const {
  return kernel_abi::MapTypeName(type) + " key " + std::to_string(key_size) + " B, value " +
         std::to_string(value_size) + " B, " + std::to_string(max_entries) + " entries";
}

Map::Map(const Napi::CallbackInfo& info) : Handle<Map>(info) {
  auto init = Take<Init>(info);
  AtEdge(info.Env(), [&] { shape_ = MapShape::Of(init.fd.get(), init.name); });
  fd_ = std::move(init.fd);
}

Napi::Object Map::New(Napi::Env env, Fd fd, const std::string& name) {
  if (!fd.valid()) throw Failure(errno, "map_open", name);
  return Make(env, Addon::Of(env).map, Init{std::move(fd), name});
}

int Map::Descriptor(const char* op) const {
  if (!fd_.valid()) throw Failure::Closed(op, shape_.name);
  return fd_.get();
}

Napi::Value Map::OpenPinned(const Napi::CallbackInfo& info) {
  std::string path = args::String(info, 0);
  return New(info.Env(), pin::Open(path, "map_open_pinned"), "");
}

Napi::Value Map::Lookup(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_lookup");
  auto key = args::SizedBytes(info, 0, shape_.key_size);
  auto value = Napi::Buffer<uint8_t>::New(info.Env(), shape_.stride);
  if (bpf_map_lookup_elem(fd, OrNull(key), value.Data()) == 0) return value;
  if (errno == ENOENT) return info.Env().Undefined();
  throw Failure(errno, "map_lookup", shape_.name);
}

Napi::Value Map::Update(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_update");
  auto key = args::SizedBytes(info, 0, shape_.key_size);
  auto value = args::SizedBytes(info, 1, shape_.stride);
  if (bpf_map_update_elem(fd, OrNull(key), value.Data(), args::Uint32(info, 2)) != 0) {
    throw Failure(errno, "map_update", shape_.name);
  }
  return info.Env().Undefined();
}

// Into a program array: whoever tail-calls that slot runs either the program before or this one, never both.
Napi::Value Map::SetProgram(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_set_program");
  uint32_t index = args::Uint32(info, 0);
  Program* program = Program::Unwrap(args::Object(info, 1));
  int program_fd = program->Descriptor("map_set_program");
  if (shape_.type != BPF_MAP_TYPE_PROG_ARRAY) {
    throw Failure(EINVAL, "map_set_program", shape_.name, "it is no program array");
  }
  if (bpf_map_update_elem(fd, &index, &program_fd, BPF_ANY) != 0) {
    throw Failure(errno, "map_set_program", shape_.name, "with program " + program->name());
  }
  return info.Env().Undefined();
}

Napi::Value Map::Delete(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_delete");
  auto key = args::SizedBytes(info, 0, shape_.key_size);
  bool deleted = bpf_map_delete_elem(fd, key.Data()) == 0;
  if (!deleted && errno != ENOENT) throw Failure(errno, "map_delete", shape_.name);
  return Napi::Boolean::New(info.Env(), deleted);
}

Napi::Value Map::NextKey(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_next_key");
  const void* key = info[0].IsUndefined() ? nullptr : args::SizedBytes(info, 0, shape_.key_size).Data();
  auto next = Napi::Buffer<uint8_t>::New(info.Env(), shape_.key_size);
  if (bpf_map_get_next_key(fd, key, next.Data()) == 0) return next;
  if (errno == ENOENT) return info.Env().Undefined();
  throw Failure(errno, "map_next_key", shape_.name);
}

// (max, cursor | undefined, deleteToo) -> { count, keys, values, cursor | undefined }
Napi::Value Map::LookupBatch(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_lookup_batch");
  uint32_t capacity = std::clamp<uint32_t>(args::Uint32(info, 0), 1, std::max<uint32_t>(shape_.max_entries, 1));
  std::vector<uint8_t> cursor;
  if (!info[1].IsUndefined()) {
    auto given = args::SizedBytes(info, 1, shape_.key_size);
    cursor.assign(given.Data(), given.Data() + given.ByteLength());
  }
  bool delete_too = args::Bool(info, 2);
  Memory keys, values;
  map_batch::Chunk chunk;
  do {
    keys = Allocate(size_t{capacity} * shape_.key_size);
    values = Allocate(size_t{capacity} * shape_.stride);
    chunk = map_batch::Read(fd, shape_, cursor, {keys.get(), values.get(), capacity}, delete_too);
    capacity *= 2;
  } while (chunk.grow);
  auto out = Napi::Object::New(info.Env());
  out.Set("count", chunk.count);
  out.Set("keys", Give(info.Env(), std::move(keys), size_t{chunk.count} * shape_.key_size));
  out.Set("values", Give(info.Env(), std::move(values), size_t{chunk.count} * shape_.stride));
  out.Set("cursor", chunk.end ? info.Env().Undefined() : Copy(info.Env(), cursor));
  return out;
}

// (keys, values) of the caller -> { count, keys, values }: the same buffers, or larger ones.
Napi::Value Map::ReadAll(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_read_all");
  if (shape_.key_size == 0) throw Failure(EOPNOTSUPP, "map_read_all", shape_.name, "this map type has no keys");
  uint8_t* keys = nullptr;
  uint8_t* values = nullptr;
  size_t capacity = 0;
  if (!info[0].IsUndefined()) {
    auto given_keys = args::Bytes(info, 0);
    auto given_values = args::Bytes(info, 1);
    keys = given_keys.Data();
    values = given_values.Data();
    capacity = std::min(given_keys.ByteLength() / shape_.key_size, given_values.ByteLength() / shape_.stride);
  }
  Room room(shape_, keys, values, static_cast<uint32_t>(std::min<size_t>(capacity, UINT32_MAX)));
  uint32_t count = ReadWhole(fd, shape_, room);
  auto out = Napi::Object::New(info.Env());
  out.Set("count", count);
  bool own = room.own();
  out.Set("keys", own ? room.GiveKeys(info.Env()) : info[0]);
  out.Set("values", own ? room.GiveValues(info.Env()) : info[1]);
  return out;
}

Napi::Value Map::UpdateBatch(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_update_batch");
  uint32_t count = args::Uint32(info, 2);
  auto keys = args::SizedBytes(info, 0, size_t{count} * shape_.key_size);
  auto values = args::SizedBytes(info, 1, size_t{count} * shape_.stride);
  map_batch::Write(fd, shape_, keys.Data(), values.Data(), count, args::Uint32(info, 3));
  return info.Env().Undefined();
}

Napi::Value Map::DeleteBatch(const Napi::CallbackInfo& info) {
  int fd = Descriptor("map_delete_batch");
  uint32_t count = args::Uint32(info, 1);
  auto keys = args::SizedBytes(info, 0, size_t{count} * shape_.key_size);
  return Napi::Number::New(info.Env(), map_batch::Erase(fd, shape_, keys.Data(), count));
}

Napi::Value Map::Freeze(const Napi::CallbackInfo& info) {
  if (bpf_map_freeze(Descriptor("map_freeze")) != 0) throw Failure(errno, "map_freeze", shape_.name);
  return info.Env().Undefined();
}

Napi::Value Map::Pin(const Napi::CallbackInfo& info) {
  pin::Put(Descriptor("map_pin"), args::String(info, 0), "map_pin");
  return info.Env().Undefined();
}

// The types travel with the map: they are those of the object that made it, whatever is current by now.
Napi::Value Map::GetBtf(const Napi::CallbackInfo& info) {
  Descriptor("map_btf");
  if (shape_.btf_id == 0) return info.Env().Undefined();
  btf* types = btf__load_from_kernel_by_id(shape_.btf_id);
  if (types == nullptr) throw Failure(errno, "map_btf", shape_.name);
  return Btf::New(info.Env(), types, shape_.name);
}

Napi::Value Map::Info(const Napi::CallbackInfo& info) {
  auto out = Napi::Object::New(info.Env());
  out.Set("name", shape_.name);
  out.Set("type", kernel_abi::MapTypeName(shape_.type));
  out.Set("keySize", shape_.key_size);
  out.Set("valueSize", shape_.value_size);
  out.Set("maxEntries", shape_.max_entries);
  out.Set("id", shape_.id);
  out.Set("perCpu", IsPerCpu(shape_.type));
  out.Set("cpus", shape_.cpus);
  out.Set("stride", shape_.stride);
  return out;
}

Napi::Value Map::FdNumber(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), Descriptor("map_fd"));
}

Napi::Value Map::Close(const Napi::CallbackInfo& info) {
  fd_.Reset();
  return info.Env().Undefined();
}

void Map::Define(Napi::Env env, Napi::Object exports) {
  Napi::Function cls = DefineClass(
      env, "NativeMap",
      {Bind<&Map::Lookup>("lookup"), Bind<&Map::Update>("update"), Bind<&Map::SetProgram>("setProgram"),
       Bind<&Map::Delete>("delete"),
       Bind<&Map::NextKey>("nextKey"), Bind<&Map::LookupBatch>("lookupBatch"), Bind<&Map::ReadAll>("readAll"),
       Bind<&Map::UpdateBatch>("updateBatch"), Bind<&Map::DeleteBatch>("deleteBatch"), Bind<&Map::Freeze>("freeze"),
       Bind<&Map::Pin>("pin"), Bind<&Map::GetBtf>("btf"), Bind<&Map::Info>("info"), Bind<&Map::FdNumber>("fd"), Bind<&Map::Close>("close")});
  Addon::Of(env).map = Napi::Persistent(cls);
  exports.Set("openPinnedMap", Edge<&Map::OpenPinned>(env, "openPinnedMap"));
}
