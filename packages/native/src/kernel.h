// Calls to the kernel as a whole: grace periods, clocks, the bpffs mount, run-time statistics, and what programs,
// maps and links exist. Holds nothing but the statistics' descriptor.
#pragma once

#include <napi.h>

void DefineKernel(Napi::Env env, Napi::Object exports);
