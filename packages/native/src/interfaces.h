// The network interfaces of a namespace, as one snapshot. Not their changes (watch.h).
#pragma once

#include <napi.h>

// (netns path | undefined) -> see NetworkLink in lib/netlink.ts
Napi::Value Links(const Napi::CallbackInfo& info);
