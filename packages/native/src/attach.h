// Attaching programs: one function a kind of hook, each from a plain descriptor, so that programs opened from a pin can
// be attached too. Each attachment is made inside the namespace its device lives in.
#pragma once

#include <napi.h>

class Program;

// A Link, or what stands in for one. Reads the checked `Attach` of lib/attach.ts.
Napi::Object AttachProgram(Napi::Env env, const Program& program, const Napi::Object& attach);
