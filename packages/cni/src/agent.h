// The agent's socket: one line asked, one answered. While the agent restarts this waits, and what an agent that ended
// left unanswered is asked again: a request can be repeated, its work is done once.
#pragma once

#include <chrono>
#include <string>

#include "error.h"

// The agent isn't there, or didn't answer in time.
struct NoAgent {
  std::string why;
};

// Throws NoAgent when `wait` is over, and CniError where waiting doesn't help.
std::string AskAgent(const std::string& socket, const std::string& line, std::chrono::milliseconds wait);
