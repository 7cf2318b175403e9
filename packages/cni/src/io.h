// Reading and writing of descriptors with a limit and a deadline each. Knows neither JSON nor CNI.
#pragma once

#include <chrono>
#include <string>

using Clock = std::chrono::steady_clock;

struct Received {
  enum class End { kComplete, kCutOff, kTooLong, kTooLate, kFailed };
  End end;
  std::string bytes;
  int error = 0;  // errno, when it failed
};

// Until the other side ends.
Received ReadAll(int fd, size_t most_bytes, Clock::time_point deadline);
// Until a newline, which is left out.
Received ReadLine(int fd, size_t most_bytes, Clock::time_point deadline);
// False when the other side doesn't take it all.
bool WriteAll(int fd, const std::string& bytes, Clock::time_point deadline);
