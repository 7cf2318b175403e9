// A failure in CNI's words: thrown where it is found, printed by main. Codes below 100 are the specification's. What
// the agent refuses comes with a code of its own choice (packages/contract/src/cni.ts).
#pragma once

#include <string>
#include <vector>

enum class Code {
  kIncompatibleVersion = 1,
  kUnsupportedField = 2,
  kBadEnvironment = 4,
  kIo = 5,
  kUndecodable = 6,
  kBadConfig = 7,
  kTryAgain = 11,
  kLimitedConnectivity = 51,
  kInternal = 100,
};

struct CniError {
  CniError(Code reason, std::string what, std::string more)
      : CniError(static_cast<int>(reason), std::move(what), std::move(more)) {}
  CniError(int number, std::string what, std::string more)
      : code(number), message(std::move(what)), details(std::move(more)) {}

  int code;
  std::string message;
  std::string details;
};

// What is wrong with one field. All of them are told at once.
struct Problem {
  std::string field;
  std::string text;
};

// "a: is missing; b: is no number"
std::string Describe(const std::vector<Problem>& problems);
