// The TcLink class; see tc_link.h.
#include "tc_link.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <cerrno>

#include "addon.h"
#include "args.h"
#include "fd.h"
#include "fields.h"
#include "netns.h"
#include "pin.h"
#include "program.h"

namespace {

constexpr char kNoteName[] = "tc_filter_1";  // with the version of tc_filter::Place

Fd MakeNote(const tc_filter::Place& place) {
  Fd note(bpf_map_create(BPF_MAP_TYPE_ARRAY, kNoteName, sizeof(uint32_t), sizeof place, 1, nullptr));
  uint32_t zero = 0;
  if (!note.valid() || bpf_map_update_elem(note.get(), &zero, &place, BPF_ANY) != 0) {
    throw Failure(errno, "link_pin", tc_filter::Describe(place));
  }
  return note;
}

void PinNote(const tc_filter::Place& place, const std::string& path) {
  pin::Put(MakeNote(place).get(), path, "link_pin");
}

uint32_t IdOf(int program_fd, const std::string& name) {
  bpf_prog_info info = {};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(program_fd, &info, &size) != 0) throw Failure(errno, "attach", name);
  return info.id;
}

}  // namespace

TcLink::TcLink(const Napi::CallbackInfo& info) : Handle<TcLink>(info) {
  auto init = Take<Init>(info);
  place_ = init.place;
  netns_ = std::move(init.netns);
  pin_path_ = std::move(init.pin_path);
  program_ = init.program;
}

// A destructor has nobody to tell.
TcLink::~TcLink() {
  try {
    End();
  } catch (...) {
  }
}

Napi::Object TcLink::Attach(Napi::Env env, const Program& program, int fd, const Napi::Object& attach) {
  tc_filter::Place place = {};
  place.ifindex = fields::Uint32(attach, "ifindex");
  place.handle = fields::Uint32(attach, "handle");
  place.ingress = fields::Text(attach, "direction") == "ingress" ? 1 : 0;
  std::string netns = fields::Text(attach, "netns"), pin = fields::Text(attach, "pin");
  uint32_t id = IdOf(fd, program.name());
  netns::Run(netns, [&] { place.netns_cookie = netns::OwnCookie(); });
  if (!pin.empty()) PinNote(place, pin);
  try {
    netns::Run(netns, [&] { tc_filter::Put(place, fd, program.name()); });
  } catch (const Failure&) {
    if (!pin.empty()) pin::Remove(pin);
    throw;
  }
  return Make(env, Addon::Of(env).tc_link, Init{place, netns, pin, id});
}

bool TcLink::IsNote(int fd) {
  char kind[32] = {};
  std::string path = "/proc/self/fd/" + std::to_string(fd);
  return readlink(path.c_str(), kind, sizeof kind - 1) > 0 && std::string(kind) == "anon_inode:bpf-map";
}

Napi::Object TcLink::OpenNote(Napi::Env env, int fd, const std::string& path) {
  bpf_map_info map = {};
  uint32_t size = sizeof map, zero = 0;
  tc_filter::Place place = {};
  if (bpf_obj_get_info_by_fd(fd, &map, &size) != 0) throw Failure(errno, "link_open_pinned", path);
  bool ours = map.type == BPF_MAP_TYPE_ARRAY && map.value_size == sizeof place && std::string(map.name) == kNoteName;
  if (!ours) throw Failure(EINVAL, "link_open_pinned", path, "it is a map, not a link");
  if (bpf_map_lookup_elem(fd, &zero, &place) != 0) throw Failure(errno, "link_open_pinned", path);
  return Make(env, Addon::Of(env).tc_link, Init{place, "", path, 0});
}

void TcLink::RequireOpen(const char* op) const {
  if (!open_) throw Failure::Closed(op, tc_filter::Describe(place_));
}

// As the last reference to a link would: what isn't pinned goes.
void TcLink::End() {
  if (!open_) return;
  open_ = false;
  if (pin_path_.empty() && !ended_) netns::RunIn(place_.netns_cookie, netns_, [&] { tc_filter::Remove(place_, program_); });
}

Napi::Value TcLink::Update(const Napi::CallbackInfo& info) {
  RequireOpen("link_update");
  Program* program = args::Handle<Program>(info, 0, Addon::Of(info.Env()).program, "a program");
  int fd = program->Descriptor("link_update");
  bool there = false;
  if (!ended_) {
    netns::RunIn(place_.netns_cookie, netns_, [&] {
      there = tc_filter::ProgramAt(place_) != 0;
      if (there) tc_filter::Put(place_, fd, program->name());
    });
  }
  if (there) program_ = IdOf(fd, program->name());
  if (!there) throw Failure(ENOLINK, "link_update", tc_filter::Describe(place_), "with program " + program->name());
  return info.Env().Undefined();
}

Napi::Value TcLink::Pin(const Napi::CallbackInfo& info) {
  RequireOpen("link_pin");
  std::string path = args::String(info, 0);
  PinNote(place_, path);
  pin_path_ = path;
  return info.Env().Undefined();
}

Napi::Value TcLink::Unpin(const Napi::CallbackInfo& info) {
  RequireOpen("link_unpin");
  if (pin_path_.empty()) {
    throw Failure(ENOENT, "link_unpin", tc_filter::Describe(place_), "this handle has not pinned the link");
  }
  pin::Remove(pin_path_);
  pin_path_.clear();
  return info.Env().Undefined();
}

// The filter first: a note without a filter is found again, a filter without a note isn't.
Napi::Value TcLink::Detach(const Napi::CallbackInfo& info) {
  RequireOpen("link_detach");
  if (!ended_) netns::RunIn(place_.netns_cookie, netns_, [&] { tc_filter::Remove(place_); });
  ended_ = true;
  if (!pin_path_.empty()) pin::Remove(pin_path_);
  pin_path_.clear();
  return info.Env().Undefined();
}

Napi::Value TcLink::Info(const Napi::CallbackInfo& info) {
  RequireOpen("link_info");
  uint32_t program = 0;
  if (!ended_) netns::RunIn(place_.netns_cookie, netns_, [&] { program = tc_filter::ProgramAt(place_); });
  auto out = Napi::Object::New(info.Env());
  out.Set("id", 0);
  out.Set("type", "tc");
  out.Set("progId", program);
  out.Set("ifindex", program != 0 ? place_.ifindex : 0);
  return out;
}

Napi::Value TcLink::Close(const Napi::CallbackInfo& info) {
  End();
  return info.Env().Undefined();
}

void TcLink::Define(Napi::Env env) {
  Napi::Function cls = DefineClass(
      env, "NativeTcLink",
      {Bind<&TcLink::Update>("update"), Bind<&TcLink::Pin>("pin"), Bind<&TcLink::Unpin>("unpin"),
       Bind<&TcLink::Detach>("detach"), Bind<&TcLink::Info>("info"), Bind<&TcLink::Close>("close")});
  Addon::Of(env).tc_link = Napi::Persistent(cls);
}
