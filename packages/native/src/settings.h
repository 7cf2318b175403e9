// A namespace's settings, as the files below /proc/sys/net.
#pragma once

#include <napi.h>

// (netns path | undefined, name below /proc/sys) -> value
Napi::Value ReadSetting(const Napi::CallbackInfo& info);

// (netns path | undefined, name below /proc/sys, value)
Napi::Value WriteSetting(const Napi::CallbackInfo& info);
