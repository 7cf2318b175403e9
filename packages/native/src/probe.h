// What this kernel can do, found out by doing it: each probe loads a tiny program or makes a link, and undoes it. No
// version numbers, no configuration files. Devices are only touched in a namespace made for the probe.
#pragma once

#include <napi.h>

// (feature) -> { supported, code?, reason? }; throws for a name it doesn't know
Napi::Value ProbeFeature(const Napi::CallbackInfo& info);
// -> every name ProbeFeature knows
Napi::Value FeatureNames(const Napi::CallbackInfo& info);
