// Making, changing and removing network devices by rtnetlink. What there is, is interfaces.h's part; addresses and
// routes have files of their own.
#pragma once

#include <napi.h>

void DefineLinkConfig(Napi::Env env, Napi::Object exports);
