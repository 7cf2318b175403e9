// The Program class; see program.h.
#include "program.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <vector>

#include "addon.h"
#include "args.h"
#include "attach.h"
#include "kernel_abi.h"
#include "netns.h"
#include "pin.h"
#include "test_run.h"

namespace {

bpf_prog_info InfoOf(int fd, const std::string& name) {
  bpf_prog_info info = {};
  uint32_t size = sizeof info;
  if (bpf_obj_get_info_by_fd(fd, &info, &size) != 0) throw Failure(errno, "prog_info", name);
  return info;
}

// The iterator's text or records, to its end; more than max_bytes is an error and not a quiet cut.
std::vector<uint8_t> ReadIterator(int link_fd, const std::string& name, size_t max_bytes) {
  Fd iterator(bpf_iter_create(link_fd));
  if (!iterator.valid()) throw Failure(errno, "iter_create", name);
  std::vector<uint8_t> out;
  size_t used = 0;
  while (true) {
    if (out.size() - used < 4096) out.resize(out.size() + 65536);
    ssize_t got = read(iterator.get(), out.data() + used, out.size() - used);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) throw Failure(errno, "iter_read", name);
    used += static_cast<size_t>(got);
    if (used > max_bytes) throw Failure(E2BIG, "iter_read", name, "more than " + std::to_string(max_bytes) + " bytes");
    if (got == 0) break;
  }
  out.resize(used);
  return out;
}

Napi::Value Bytes(Napi::Env env, const std::vector<uint8_t>& bytes) {
  return Napi::Buffer<uint8_t>::Copy(env, bytes.data(), bytes.size());
}

}  // namespace

Program::Program(const Napi::CallbackInfo& info) : Handle<Program>(info) {
  auto init = Take<Init>(info);
  AtEdge(info.Env(), [&] {
    bpf_prog_info facts = InfoOf(init.fd.get(), init.name);
    name_ = init.name.empty() ? facts.name : init.name;
    type_ = facts.type;
  });
  expected_attach_type_ = init.expected_attach_type;
  fd_ = std::move(init.fd);
}

Napi::Object Program::New(Napi::Env env, Init init) {
  if (!init.fd.valid()) throw Failure(errno, "prog_open", init.name);
  return Make(env, Addon::Of(env).program, std::move(init));
}

Napi::Value Program::OpenPinned(const Napi::CallbackInfo& info) {
  std::string path = args::String(info, 0);
  return New(info.Env(), {pin::Open(path, "prog_open_pinned"), "", 0});
}

int Program::Descriptor(const char* op) const {
  if (!fd_.valid()) throw Failure::Closed(op, name_);
  return fd_.get();
}

Napi::Value Program::Attach(const Napi::CallbackInfo& info) {
  return AttachProgram(info.Env(), *this, args::Object(info, 0));
}

// (netns path | undefined, maxBytes)
Napi::Value Program::Iterate(const Napi::CallbackInfo& info) {
  int fd = Descriptor("iterate");
  std::string ns = args::OptionalString(info, 0);
  auto max_bytes = static_cast<size_t>(args::Int64(info, 1));
  std::vector<uint8_t> out;
  netns::Run(ns, [&] {
    Fd link(bpf_link_create(fd, 0, BPF_TRACE_ITER, nullptr));
    if (!link.valid()) throw Failure(errno, "iter_attach", name_);
    out = ReadIterator(link.get(), name_, max_bytes);
  });
  return Bytes(info.Env(), out);
}

// (data | undefined, ctx | undefined, repeat, dataOutSize, netns | undefined, flags, cpu)
Napi::Value Program::TestRun(const Napi::CallbackInfo& info) {
  int fd = Descriptor("test_run");
  ::TestRun run;
  run.program_type = type_;
  if (!info[0].IsUndefined()) {
    auto data = args::Bytes(info, 0);
    run.data = data.Data();
    run.data_size = data.ByteLength();
  }
  if (!info[1].IsUndefined()) {
    auto ctx = args::Bytes(info, 1);
    run.ctx = ctx.Data();
    run.ctx_size = ctx.ByteLength();
  }
  run.repeat = static_cast<int>(args::Int64(info, 2));
  run.data_out_size = args::Uint32(info, 3);
  run.netns = args::OptionalString(info, 4);
  run.flags = args::Uint32(info, 5);
  run.cpu = static_cast<int>(args::Int64(info, 6));
  TestRunResult result = RunTest(fd, name_, run);
  auto out = Napi::Object::New(info.Env());
  out.Set("retval", result.retval);
  out.Set("durationNs", result.duration_ns);
  out.Set("dataOut", Bytes(info.Env(), result.data_out));
  out.Set("ctxOut", Bytes(info.Env(), result.ctx_out));
  return out;
}

Napi::Value Program::Info(const Napi::CallbackInfo& info) {
  bpf_prog_info facts = InfoOf(Descriptor("prog_info"), name_);
  auto out = Napi::Object::New(info.Env());
  out.Set("id", facts.id);
  out.Set("name", name_);
  out.Set("type", kernel_abi::ProgramTypeName(facts.type));
  out.Set("verifiedInstructions", facts.verified_insns);
  out.Set("jitedBytes", facts.jited_prog_len);
  out.Set("runCount", Napi::BigInt::New(info.Env(), static_cast<uint64_t>(facts.run_cnt)));
  out.Set("runTimeNs", Napi::BigInt::New(info.Env(), static_cast<uint64_t>(facts.run_time_ns)));
  out.Set("recursionMisses", Napi::BigInt::New(info.Env(), static_cast<uint64_t>(facts.recursion_misses)));
  return out;
}

Napi::Value Program::Pin(const Napi::CallbackInfo& info) {
  pin::Put(Descriptor("prog_pin"), args::String(info, 0), "prog_pin");
  return info.Env().Undefined();
}

Napi::Value Program::Close(const Napi::CallbackInfo& info) {
  fd_.Reset();
  return info.Env().Undefined();
}

void Program::Define(Napi::Env env, Napi::Object exports) {
  Napi::Function cls =
      DefineClass(env, "NativeProgram",
                  {Bind<&Program::Attach>("attach"), Bind<&Program::Iterate>("iterate"), Bind<&Program::TestRun>("testRun"),
                   Bind<&Program::Info>("info"), Bind<&Program::Pin>("pin"), Bind<&Program::Close>("close")});
  Addon::Of(env).program = Napi::Persistent(cls);
  exports.Set("openPinnedProgram", Edge<&Program::OpenPinned>(env, "openPinnedProgram"));
}
