// Unicast routes by rtnetlink: added, replaced, removed and listed. Not policy rules, and no other kind of route.
#pragma once

#include <napi.h>

void DefineRoutes(Napi::Env env, Napi::Object exports);
