// Making bpf_links: one function a kind of hook, each from a plain descriptor, so that programs opened from a pin can
// be attached too. Each link is created inside the namespace its device lives in.
#pragma once

#include <napi.h>

#include "link.h"

class Program;

// Reads the checked `Attach` of lib/program.ts.
Link::Init AttachProgram(const Program& program, const Napi::Object& attach);
