// The Object class; see object.h.
#include "object.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>

#include "addon.h"
#include "args.h"
#include "btf.h"
#include "kernel_abi.h"
#include "libbpf_log.h"
#include "map.h"
#include "pin.h"
#include "program.h"

namespace {

// libbpf calls the maps behind global variables 'object.rodata'; everybody else says '.rodata'.
std::string MapName(const bpf_map* map) {
  std::string name = bpf_map__name(map);
  size_t dot = bpf_map__is_internal(map) ? name.find('.') : std::string::npos;
  return dot == std::string::npos ? name : name.substr(dot);
}

struct Variable {
  uint32_t offset;
  uint32_t size;
};

Variable FindVariable(const btf* types, const std::string& section, const std::string& symbol) {
  int id = types == nullptr ? -ENOENT : btf__find_by_name_kind(types, section.c_str(), BTF_KIND_DATASEC);
  if (id < 0) throw Failure(ENOENT, "set_variable", symbol, "the object has no section " + section);
  const btf_type* data = btf__type_by_id(types, static_cast<uint32_t>(id));
  const btf_var_secinfo* entry = btf_var_secinfos(data);
  for (int i = 0; i < btf_vlen(data); i++, entry++) {
    const btf_type* var = btf__type_by_id(types, entry->type);
    if (symbol == btf__name_by_offset(types, var->name_off)) return {entry->offset, entry->size};
  }
  throw Failure(ENOENT, "set_variable", symbol, "no such variable in " + section);
}

MapShape ShapeOf(const bpf_map* map) {
  MapShape shape;
  shape.type = bpf_map__type(map);
  shape.key_size = bpf_map__key_size(map);
  shape.value_size = bpf_map__value_size(map);
  shape.max_entries = bpf_map__max_entries(map);
  return shape;
}

}  // namespace

void Object::Closer::operator()(bpf_object* object) const { bpf_object__close(object); }

Object::Object(const Napi::CallbackInfo& info) : Handle<Object>(info) {
  auto init = Take<Init>(info);
  bytes_ = std::move(init.bytes);
  object_ = std::move(init.object);
  name_ = std::move(init.name);
}

// (path | bytes, name | undefined, pinRoot | undefined)
Napi::Value Object::Open(const Napi::CallbackInfo& info) {
  std::string name = args::OptionalString(info, 1);
  std::string pin_root = args::OptionalString(info, 2);
  LIBBPF_OPTS(bpf_object_open_opts, opts);
  if (!name.empty()) opts.object_name = name.c_str();
  if (!pin_root.empty()) opts.pin_root_path = pin_root.c_str();
  LibbpfLog log;
  Init init;
  bpf_object* object = nullptr;
  if (info[0].IsString()) {
    std::string path = args::String(info, 0);
    object = bpf_object__open_file(path.c_str(), &opts);
    init.name = name.empty() ? path : name;
  } else {
    auto bytes = args::Bytes(info, 0);
    init.bytes.assign(bytes.Data(), bytes.Data() + bytes.ByteLength());
    object = bpf_object__open_mem(init.bytes.data(), init.bytes.size(), &opts);
    init.name = name.empty() ? "(bytes)" : name;
  }
  if (object == nullptr) throw Failure(errno, "object_open", init.name, log.Warnings());
  init.object.reset(object);
  return Make(info.Env(), Addon::Of(info.Env()).object, std::move(init));
}

bpf_object* Object::Get(const char* op) const {
  if (!object_) throw Failure::Closed(op, name_);
  return object_.get();
}

bpf_object* Object::Unloaded(const char* op) const {
  bpf_object* object = Get(op);
  if (state_ != State::kOpen) throw Failure(EBUSY, op, name_, "the object was already loaded");
  return object;
}

bpf_map* Object::FindMap(const char* op, const std::string& name) const {
  bpf_map* map = bpf_object__find_map_by_name(Get(op), name.c_str());
  if (map == nullptr) throw Failure(ENOENT, op, name, "no such map in " + name_);
  return map;
}

bpf_program* Object::FindProgram(const char* op, const std::string& name) const {
  bpf_program* program = bpf_object__find_program_by_name(Get(op), name.c_str());
  if (program == nullptr) throw Failure(ENOENT, op, name, "no such program in " + name_);
  return program;
}

Napi::Value Object::SetVariable(const Napi::CallbackInfo& info) {
  std::string section = args::String(info, 0);
  std::string symbol = args::String(info, 1);
  auto bytes = args::Bytes(info, 2);
  bpf_object* object = Unloaded("set_variable");
  Variable variable = FindVariable(bpf_object__btf(object), section, symbol);
  if (bytes.ByteLength() != variable.size) {
    throw Failure(EINVAL, "set_variable", symbol,
                  "is " + std::to_string(variable.size) + " bytes, not " + std::to_string(bytes.ByteLength()));
  }
  bpf_map* map = FindMap("set_variable", section);
  size_t size = 0;
  const void* initial = bpf_map__initial_value(map, &size);
  if (initial == nullptr || variable.offset + variable.size > size) throw Failure(EINVAL, "set_variable", symbol);
  std::vector<uint8_t> image(size);
  memcpy(image.data(), initial, size);
  memcpy(image.data() + variable.offset, bytes.Data(), variable.size);
  int error = bpf_map__set_initial_value(map, image.data(), size);
  if (error != 0) throw Failure(error, "set_variable", symbol);
  return info.Env().Undefined();
}

Napi::Value Object::SetAutoload(const Napi::CallbackInfo& info) {
  std::string name = args::String(info, 0);
  Unloaded("set_autoload");
  int error = bpf_program__set_autoload(FindProgram("set_autoload", name), args::Bool(info, 1));
  if (error != 0) throw Failure(error, "set_autoload", name);
  return info.Env().Undefined();
}

Napi::Value Object::SetMaxEntries(const Napi::CallbackInfo& info) {
  std::string name = args::String(info, 0);
  Unloaded("set_max_entries");
  int error = bpf_map__set_max_entries(FindMap("set_max_entries", name), args::Uint32(info, 1));
  if (error != 0) throw Failure(error, "set_max_entries", name);
  return info.Env().Undefined();
}

Napi::Value Object::PinMap(const Napi::CallbackInfo& info) {
  std::string name = args::String(info, 0);
  std::string path = args::String(info, 1);
  Unloaded("map_pin");
  bpf_map* map = FindMap("map_pin", name);
  pin::MakeParents(path, "map_pin");
  int error = bpf_map__set_pin_path(map, path.c_str());
  if (error != 0) throw Failure(error, "map_pin", path);
  return info.Env().Undefined();
}

void Object::ThrowLoadFailure(int error, const LibbpfLog& log) const {
  std::string warnings = log.Warnings();
  if (warnings.find("couldn't reuse pinned map") != std::string::npos) {
    bpf_map* map;
    bpf_object__for_each_map(map, object_.get()) {
      const char* path = bpf_map__pin_path(map);
      if (path == nullptr || warnings.find(path) == std::string::npos) continue;
      std::string pinned = MapShape::Of(pin::Open(path, "map_reuse").get(), "").Layout();
      throw Failure(EEXIST, "map_reuse", path,
                    "map " + MapName(map) + " is pinned as " + pinned + ", wanted " + ShapeOf(map).Layout());
    }
  }
  std::string verifier_log = log.VerifierLog();
  if (verifier_log.empty()) throw Failure(error, "object_load", name_, warnings);
  size_t from = warnings.find("prog '");
  size_t to = from == std::string::npos ? from : warnings.find('\'', from + 6);
  std::string program = to == std::string::npos ? name_ : warnings.substr(from + 6, to - from - 6);
  Failure failure(error, "prog_load", program, "refused by the verifier");
  failure.verifier_log = verifier_log;
  throw failure;
}

// (logLevel) -> the verifier's log, '' at level 0
Napi::Value Object::Load(const Napi::CallbackInfo& info) {
  bpf_object* object = Unloaded("object_load");
  uint32_t log_level = args::Uint32(info, 0);
  bpf_program* program;
  bpf_object__for_each_program(program, object) bpf_program__set_log_level(program, log_level);
  LibbpfLog log;
  int error = bpf_object__load(object);
  state_ = error == 0 ? State::kLoaded : State::kFailed;
  if (error != 0) ThrowLoadFailure(error, log);
  return Napi::String::New(info.Env(), log_level > 0 ? log.VerifierLog() : "");
}

Napi::Value Object::GetProgram(const Napi::CallbackInfo& info) {
  std::string name = args::String(info, 0);
  bpf_program* program = FindProgram("program", name);
  int fd = bpf_program__fd(program);
  if (fd < 0) throw Failure(ENOENT, "program", name, "it is not loaded");
  return Program::New(info.Env(), {Fd::Duplicate(fd), name, bpf_program__expected_attach_type(program)});
}

Napi::Value Object::Programs(const Napi::CallbackInfo& info) {
  bpf_object* object = Get("programs");
  auto out = Napi::Array::New(info.Env());
  bpf_program* program;
  bpf_object__for_each_program(program, object) out.Set(out.Length(), bpf_program__name(program));
  return out;
}

Napi::Value Object::GetMap(const Napi::CallbackInfo& info) {
  std::string name = args::String(info, 0);
  bpf_map* map = FindMap("map", name);
  int fd = bpf_map__fd(map);
  if (fd < 0) throw Failure(ENOENT, "map", name, "the object is not loaded");
  return Map::New(info.Env(), Fd::Duplicate(fd), name);
}

Napi::Value Object::Maps(const Napi::CallbackInfo& info) {
  bpf_object* object = Get("maps");
  auto out = Napi::Array::New(info.Env());
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    MapShape shape = ShapeOf(map);
    auto entry = Napi::Object::New(info.Env());
    entry.Set("name", MapName(map));
    entry.Set("type", kernel_abi::MapTypeName(shape.type));
    entry.Set("keySize", shape.key_size);
    entry.Set("valueSize", shape.value_size);
    entry.Set("maxEntries", shape.max_entries);
    out.Set(out.Length(), entry);
  }
  return out;
}

Napi::Value Object::GetBtf(const Napi::CallbackInfo& info) {
  const btf* types = bpf_object__btf(Get("btf"));
  if (types == nullptr) throw Failure(ENOENT, "btf", name_, "the object was compiled without -g");
  uint32_t size = 0;
  const void* raw = btf__raw_data(types, &size);
  btf* copy = raw == nullptr ? nullptr : btf__new(raw, size);
  if (copy == nullptr) throw Failure(errno, "btf", name_);
  return Btf::New(info.Env(), copy, name_);
}

Napi::Value Object::Close(const Napi::CallbackInfo& info) {
  object_.reset();
  return info.Env().Undefined();
}

void Object::Define(Napi::Env env, Napi::Object exports) {
  Napi::Function cls = DefineClass(
      env, "NativeObject",
      {Bind<&Object::SetVariable>("setVariable"), Bind<&Object::SetAutoload>("setAutoload"),
       Bind<&Object::SetMaxEntries>("setMaxEntries"), Bind<&Object::PinMap>("pinMap"), Bind<&Object::Load>("load"),
       Bind<&Object::GetProgram>("program"), Bind<&Object::Programs>("programs"), Bind<&Object::GetMap>("map"),
       Bind<&Object::Maps>("maps"), Bind<&Object::GetBtf>("btf"), Bind<&Object::Close>("close")});
  Addon::Of(env).object = Napi::Persistent(cls);
  exports.Set("openObject", Edge<&Object::Open>(env, "openObject"));
}
