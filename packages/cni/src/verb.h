// The specification's operations, and what each of them asks of its caller.
#pragma once

#include <string>

enum class Op { kAdd, kDel, kCheck, kStatus, kGc, kVersion };

struct Verb {
  Op op;
  const char* command;  // in CNI_COMMAND
  const char* asked;    // in a request to the agent
  bool needs_attachment;
  bool needs_namespace;
  const char* since;  // the first of our versions that has it
};

// Null for a word that is none.
const Verb* FindVerb(const std::string& command);
