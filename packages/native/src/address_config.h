// An interface's addresses and neighbours by rtnetlink: set, removed, and for neighbours listed. The list of addresses
// is interfaces.h's part.
#pragma once

#include <napi.h>

void DefineAddressConfig(Napi::Env env, Napi::Object exports);
