// The network configuration from standard input: the version of CNI that it is in, our own keys, and the parts that are
// the agent's to read, as they came. Unknown keys are nobody's.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "verb.h"

struct Config {
  std::string network;
  std::string agent_socket;
  int wait_ms = 0;
  bool disable_gc = false;
  // Null where the configuration has none.
  nlohmann::json prev_result;
  nlohmann::json attachments;
  nlohmann::json annotations;
  nlohmann::json port_mappings;
};

// What we speak, the oldest first.
extern const std::vector<std::string> kVersions;

// All three throw CniError.
nlohmann::json ParseConfig(const std::string& bytes);
std::string VersionOf(const nlohmann::json& config, const Verb& verb);
Config ReadConfig(const nlohmann::json& config, const Verb& verb);
