// What is printed: the agent's answer in the words of one version of CNI, errors, and the versions we speak.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "error.h"

// The result of an ADD, or null. Throws the agent's refusal as CniError.
nlohmann::json ReadAnswer(const std::string& line);

std::string ResultText(nlohmann::json result, const std::string& version);
std::string ErrorText(const CniError& error, const std::string& version);
std::string VersionText(const std::string& asked);
