// What a device leaves to the hardware behind it, or takes merged: switched by ethtool's ioctl.
#pragma once

#include <napi.h>

// (netns path | undefined, device, see Offload in lib/settings.ts)
Napi::Value SetOffload(const Napi::CallbackInfo& info);
