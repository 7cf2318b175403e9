// The CNI_ variables, checked as the specification has them. All that is wrong is said at once.
#pragma once

#include <map>
#include <string>

#include "verb.h"

struct Environment {
  const Verb* verb = nullptr;
  std::string container_id;
  std::string ifname;
  std::string netns;
  std::map<std::string, std::string> args;
};

// Throws CniError. What the verb doesn't need is left empty, even if it is there and wrong: a DEL must not fail for it.
Environment ReadEnvironment();

// The specification's rule for the names of containers and networks, with a limit.
constexpr const char* kNameRule = "letters, digits, dots, dashes and underscores are needed, 255 at most";
bool IsName(const std::string& text);
