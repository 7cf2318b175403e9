// The Link class; see link.h. Making links is attach.cc's part.
#include "link.h"

#include <bpf/bpf.h>

#include <cerrno>
#include <utility>

#include "addon.h"
#include "args.h"
#include "kernel_abi.h"
#include "pin.h"
#include "program.h"
#include "tc_link.h"

Link::Link(const Napi::CallbackInfo& info) : Handle<Link>(info) {
  auto init = Take<Init>(info);
  fd_ = std::move(init.fd);
  what_ = std::move(init.what);
  pin_path_ = std::move(init.pin_path);
}

Napi::Object Link::New(Napi::Env env, Init init) { return Make(env, Addon::Of(env).link, std::move(init)); }

Napi::Value Link::OpenPinned(const Napi::CallbackInfo& info) {
  std::string path = args::String(info, 0);
  Fd fd = pin::Open(path, "link_open_pinned");
  if (TcLink::IsNote(fd.get())) return TcLink::OpenNote(info.Env(), fd.get(), path);
  return New(info.Env(), {std::move(fd), path, path});
}

int Link::Descriptor(const char* op) const {
  if (!fd_.valid()) throw Failure::Closed(op, what_);
  return fd_.get();
}

Napi::Value Link::Update(const Napi::CallbackInfo& info) {
  int fd = Descriptor("link_update");
  Program* program = args::Handle<Program>(info, 0, Addon::Of(info.Env()).program, "a program");
  if (bpf_link_update(fd, program->Descriptor("link_update"), nullptr) != 0) {
    throw Failure(errno, "link_update", what_, "with program " + program->name());
  }
  return info.Env().Undefined();
}

Napi::Value Link::Pin(const Napi::CallbackInfo& info) {
  std::string path = args::String(info, 0);
  pin::Put(Descriptor("link_pin"), path, "link_pin");
  pin_path_ = path;
  return info.Env().Undefined();
}

Napi::Value Link::Unpin(const Napi::CallbackInfo& info) {
  Descriptor("link_unpin");
  if (pin_path_.empty()) throw Failure(ENOENT, "link_unpin", what_, "this handle has not pinned the link");
  pin::Remove(pin_path_);
  pin_path_.clear();
  return info.Env().Undefined();
}

// Tracing, perf and iterator links know no forced detach: they end with their last reference, so the pin goes, then
// the descriptor.
Napi::Value Link::Detach(const Napi::CallbackInfo& info) {
  int fd = Descriptor("link_detach");
  bool forced = bpf_link_detach(fd) == 0;
  if (!forced && errno != EOPNOTSUPP) throw Failure(errno, "link_detach", what_);
  if (!pin_path_.empty()) pin::Remove(pin_path_);
  pin_path_.clear();
  if (!forced) fd_.Reset();
  return info.Env().Undefined();
}

Napi::Value Link::Info(const Napi::CallbackInfo& info) {
  kernel_abi::LinkInfo raw = {};
  uint32_t size = sizeof raw;
  if (bpf_obj_get_info_by_fd(Descriptor("link_info"), &raw, &size) != 0) throw Failure(errno, "link_info", what_);
  std::string type = kernel_abi::LinkTypeName(raw.type);
  auto out = Napi::Object::New(info.Env());
  out.Set("id", raw.id);
  out.Set("type", type);
  out.Set("progId", raw.prog_id);
  if (type == "tcx" || type == "netkit" || type == "xdp") out.Set("ifindex", raw.device.ifindex);
  if (type == "tcx" || type == "netkit") out.Set("attachType", raw.device.attach_type);
  if (type == "cgroup") {
    out.Set("cgroupId", Napi::BigInt::New(info.Env(), raw.cgroup.id));
    out.Set("attachType", raw.cgroup.attach_type);
  }
  if (type == "tracing") out.Set("attachType", raw.tracing.attach_type);
  return out;
}

Napi::Value Link::Close(const Napi::CallbackInfo& info) {
  fd_.Reset();
  return info.Env().Undefined();
}

void Link::Define(Napi::Env env, Napi::Object exports) {
  Napi::Function cls = DefineClass(env, "NativeLink",
                                   {Bind<&Link::Update>("update"), Bind<&Link::Pin>("pin"), Bind<&Link::Unpin>("unpin"),
                                    Bind<&Link::Detach>("detach"), Bind<&Link::Info>("info"), Bind<&Link::Close>("close")});
  Addon::Of(env).link = Napi::Persistent(cls);
  exports.Set("openPinnedLink", Edge<&Link::OpenPinned>(env, "openPinnedLink"));
}
