// The one line that is asked of the agent: schema in packages/contract/src/cni.ts. Nothing is decided here.
#pragma once

#include <string>

#include "config.h"
#include "environment.h"

// Without its newline. Throws CniError for what JSON can't hold.
std::string RequestLine(const Environment& environment, const Config& config);
