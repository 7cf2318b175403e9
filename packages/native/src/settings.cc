// Files below /proc/sys/net; see settings.h.
#include "settings.h"

#include <cerrno>
#include <string>

#include "args.h"
#include "error.h"
#include "fd.h"
#include "netns.h"

namespace {

// /proc/sys/net shows the namespace of the thread that looks, so this runs inside it. Nothing outside net/ is reached.
Fd OpenSetting(const std::string& name, int flags, const std::string& op) {
  if (name.rfind("net/", 0) != 0 || (name + "/").find("/../") != std::string::npos) throw Failure(EINVAL, op, name);
  Fd fd(open(("/proc/sys/" + name).c_str(), flags | O_CLOEXEC));
  if (!fd.valid()) throw Failure(errno, op, name);
  return fd;
}

std::string ReadAll(const std::string& name) {
  Fd fd = OpenSetting(name, O_RDONLY, "read_setting");
  std::string out;
  char part[4096];
  ssize_t got;
  while ((got = read(fd.get(), part, sizeof part)) > 0) out.append(part, static_cast<size_t>(got));
  if (got < 0) throw Failure(errno, "read_setting", name);
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace

Napi::Value ReadSetting(const Napi::CallbackInfo& info) {
  std::string name = args::String(info, 1), value;
  netns::Run(args::OptionalString(info, 0), [&] { value = ReadAll(name); });
  return Napi::String::New(info.Env(), value);
}

Napi::Value WriteSetting(const Napi::CallbackInfo& info) {
  std::string name = args::String(info, 1), value = args::String(info, 2);
  netns::Run(args::OptionalString(info, 0), [&] {
    Fd fd = OpenSetting(name, O_WRONLY, "write_setting");
    if (write(fd.get(), value.data(), value.size()) < 0) throw Failure(errno, "write_setting", name, value);
  });
  return info.Env().Undefined();
}
