// Puts the addon together for one JavaScript environment. No logic.
#include "addon.h"

#include "address_config.h"
#include "btf.h"
#include "conntrack.h"
#include "handle.h"
#include "interfaces.h"
#include "kernel.h"
#include "libbpf_log.h"
#include "link.h"
#include "link_config.h"
#include "map.h"
#include "object.h"
#include "offload.h"
#include "probe.h"
#include "program.h"
#include "ring_reader.h"
#include "routes.h"
#include "settings.h"
#include "tc_link.h"
#include "tun.h"
#include "watch.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Addon());
  InstallLibbpfLog();
  exports.Set("setErrorClass", Napi::Function::New(env, SetErrorClass, "setErrorClass"));
  Object::Define(env, exports);
  Program::Define(env, exports);
  Map::Define(env, exports);
  Link::Define(env, exports);
  TcLink::Define(env);
  Btf::Define(env, exports);
  RingReader::Define(env, exports);
  Watcher::Define(env, exports);
  ConntrackWatch::Define(env, exports);
  Tun::Define(env, exports);
  DefineKernel(env, exports);
  DefineLinkConfig(env, exports);
  DefineAddressConfig(env, exports);
  DefineRoutes(env, exports);
  exports.Set("links", Edge<Links>(env, "links"));
  exports.Set("readSetting", Edge<ReadSetting>(env, "readSetting"));
  exports.Set("writeSetting", Edge<WriteSetting>(env, "writeSetting"));
  exports.Set("setOffload", Edge<SetOffload>(env, "setOffload"));
  exports.Set("probeFeature", Edge<ProbeFeature>(env, "probeFeature"));
  exports.Set("featureNames", Edge<FeatureNames>(env, "featureNames"));
  return exports;
}

}  // namespace

NODE_API_MODULE(millrace_native, Init)
