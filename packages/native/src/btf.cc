// The Btf class; see btf.h.
#include "btf.h"

#include <bpf/btf.h>
#include <malloc.h>

#include <cerrno>
#include <cstring>

#include "addon.h"
#include "args.h"
#include "libbpf_log.h"

namespace {

// In the order of the kernel's BTF_KIND_* numbers.
constexpr const char* kKinds[] = {"void",     "int",   "ptr",      "array",     "struct", "union",   "enum",
                                  "fwd",      "typedef", "volatile", "const",   "restrict", "func",  "func_proto",
                                  "var",      "datasec", "float",    "decl_tag", "type_tag", "enum64"};
constexpr int kKindCount = sizeof kKinds / sizeof *kKinds;

int KindByName(const std::string& name) {
  for (int i = 0; i < kKindCount; i++) {
    if (name == kKinds[i]) return i;
  }
  return -1;
}

class Describer {
 public:
  Describer(Napi::Env env, const btf* types, const btf_type* type)
      : env_(env), types_(types), type_(type), out_(Napi::Object::New(env)) {}

  Napi::Object Run() {
    int kind = btf_kind(type_);
    out_.Set("kind", kind < kKindCount ? std::string(kKinds[kind]) : "kind_" + std::to_string(kind));
    out_.Set("name", Name(type_->name_off));
    switch (kind) {
      case BTF_KIND_INT: Int(); break;
      case BTF_KIND_ARRAY: Array(); break;
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION: Members(); break;
      case BTF_KIND_ENUM: Values32(); break;
      case BTF_KIND_ENUM64: Values64(); break;
      case BTF_KIND_FUNC_PROTO: Parameters(); break;
      case BTF_KIND_DATASEC: Variables(); break;
      case BTF_KIND_FLOAT: out_.Set("size", type_->size); break;
      case BTF_KIND_FWD: break;
      default: out_.Set("typeId", type_->type);
    }
    return out_;
  }

 private:
  std::string Name(uint32_t offset) const {
    const char* name = btf__name_by_offset(types_, offset);
    return name == nullptr ? "" : name;
  }

  void Int() {
    out_.Set("size", type_->size);
    out_.Set("signed", (btf_int_encoding(type_) & BTF_INT_SIGNED) != 0);
    out_.Set("bool", (btf_int_encoding(type_) & BTF_INT_BOOL) != 0);
  }

  void Array() {
    out_.Set("typeId", btf_array(type_)->type);
    out_.Set("length", btf_array(type_)->nelems);
  }

  void Members() {
    out_.Set("size", type_->size);
    auto list = Napi::Array::New(env_);
    const btf_member* member = btf_members(type_);
    for (uint32_t i = 0; i < btf_vlen(type_); i++) {
      auto entry = Napi::Object::New(env_);
      entry.Set("name", Name(member[i].name_off));
      entry.Set("typeId", member[i].type);
      entry.Set("bitOffset", btf_member_bit_offset(type_, i));
      entry.Set("bitSize", btf_member_bitfield_size(type_, i));
      list.Set(i, entry);
    }
    out_.Set("members", list);
  }

  void Value(Napi::Array& list, uint32_t name, int64_t value, bool is_signed) {
    auto entry = Napi::Object::New(env_);
    entry.Set("name", Name(name));
    entry.Set("value", is_signed ? Napi::BigInt::New(env_, value) : Napi::BigInt::New(env_, static_cast<uint64_t>(value)));
    list.Set(list.Length(), entry);
  }

  void Values32() {
    out_.Set("size", type_->size);
    bool is_signed = btf_kflag(type_);
    out_.Set("signed", is_signed);
    auto list = Napi::Array::New(env_);
    const struct btf_enum* value = ::btf_enum(type_);
    for (int i = 0; i < btf_vlen(type_); i++) {
      Value(list, value[i].name_off, is_signed ? value[i].val : static_cast<uint32_t>(value[i].val), is_signed);
    }
    out_.Set("values", list);
  }

  void Values64() {
    out_.Set("size", type_->size);
    bool is_signed = btf_kflag(type_);
    out_.Set("signed", is_signed);
    auto list = Napi::Array::New(env_);
    const struct btf_enum64* value = ::btf_enum64(type_);
    for (int i = 0; i < btf_vlen(type_); i++) {
      Value(list, value[i].name_off, static_cast<int64_t>(btf_enum64_value(value + i)), is_signed);
    }
    out_.Set("values", list);
  }

  void Parameters() {
    out_.Set("typeId", type_->type);
    auto list = Napi::Array::New(env_);
    const btf_param* parameter = btf_params(type_);
    for (int i = 0; i < btf_vlen(type_); i++) {
      auto entry = Napi::Object::New(env_);
      entry.Set("name", Name(parameter[i].name_off));
      entry.Set("typeId", parameter[i].type);
      list.Set(list.Length(), entry);
    }
    out_.Set("parameters", list);
  }

  void Variables() {
    out_.Set("size", type_->size);
    auto list = Napi::Array::New(env_);
    const btf_var_secinfo* variable = btf_var_secinfos(type_);
    for (int i = 0; i < btf_vlen(type_); i++) {
      auto entry = Napi::Object::New(env_);
      entry.Set("typeId", variable[i].type);
      entry.Set("offset", variable[i].offset);
      entry.Set("size", variable[i].size);
      list.Set(list.Length(), entry);
    }
    out_.Set("variables", list);
  }

  Napi::Env env_;
  const btf* types_;
  const btf_type* type_;
  Napi::Object out_;
};

}  // namespace

Btf::Btf(const Napi::CallbackInfo& info) : Handle<Btf>(info) {
  auto init = Take<Init>(info);
  types_ = init.types;
  name_ = std::move(init.name);
}

Btf::~Btf() { btf__free(types_); }

Napi::Object Btf::New(Napi::Env env, btf* types, const std::string& name) {
  return Make(env, Addon::Of(env).btf, Init{types, name});
}

btf* Btf::Get(const char* op) const {
  if (types_ == nullptr) throw Failure::Closed(op, name_);
  return types_;
}

Napi::Value Btf::OpenVmlinux(const Napi::CallbackInfo& info) {
  LibbpfLog log;
  btf* types = btf__load_vmlinux_btf();
  if (types == nullptr) throw Failure(errno, "btf_open", "vmlinux", log.Warnings());
  return New(info.Env(), types, "vmlinux");
}

Napi::Value Btf::OpenFile(const Napi::CallbackInfo& info) {
  std::string path = args::String(info, 0);
  LibbpfLog log;
  btf* types = btf__parse(path.c_str(), nullptr);
  if (types == nullptr) throw Failure(errno, "btf_open", path, log.Warnings());
  return New(info.Env(), types, path);
}

Napi::Value Btf::TypeCount(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), btf__type_cnt(Get("btf_type_count")));
}

// (name, kind) -> id | undefined
Napi::Value Btf::Find(const Napi::CallbackInfo& info) {
  btf* types = Get("btf_find");
  int kind = KindByName(args::String(info, 1));
  int id = kind < 0 ? -EINVAL : btf__find_by_name_kind(types, args::String(info, 0).c_str(), static_cast<uint32_t>(kind));
  return id <= 0 ? info.Env().Undefined() : Napi::Number::New(info.Env(), id);
}

Napi::Value Btf::Type(const Napi::CallbackInfo& info) {
  btf* types = Get("btf_type");
  uint32_t id = args::Uint32(info, 0);
  const btf_type* type = btf__type_by_id(types, id);
  if (type == nullptr) throw Failure(EINVAL, "btf_type", name_, "no type " + std::to_string(id));
  return Describer(info.Env(), types, type).Run();
}

Napi::Value Btf::Close(const Napi::CallbackInfo& info) {
  btf__free(types_);
  types_ = nullptr;
  // A kernel's types take 10 MB, which the process would keep wherever anything was allocated behind them.
  malloc_trim(0);
  return info.Env().Undefined();
}

void Btf::Define(Napi::Env env, Napi::Object exports) {
  Napi::Function cls = DefineClass(env, "NativeBtf",
                                   {Bind<&Btf::TypeCount>("typeCount"), Bind<&Btf::Find>("find"),
                                    Bind<&Btf::Type>("type"), Bind<&Btf::Close>("close")});
  Addon::Of(env).btf = Napi::Persistent(cls);
  exports.Set("openVmlinuxBtf", Edge<&Btf::OpenVmlinux>(env, "openVmlinuxBtf"));
  exports.Set("openBtfFile", Edge<&Btf::OpenFile>(env, "openBtfFile"));
}
