// A namespace's connection tracking table, dumped once. Events and changes to it are not here.
#pragma once

#include <napi.h>

// (netns path | undefined) -> [{ proto, orig, reply }]; throws where the kernel has no conntrack netlink
Napi::Value ConntrackDump(const Napi::CallbackInfo& info);
