#include "config.h"

#include <sys/un.h>

#include <algorithm>

#include "environment.h"
#include "error.h"

using nlohmann::json;

const std::vector<std::string> kVersions = {"0.3.1", "0.4.0", "1.0.0", "1.1.0"};

namespace {

using Problems = std::vector<Problem>;

constexpr const char* kType = "millrace";
constexpr const char* kAgentSocket = "/run/millrace/cni.sock";
constexpr int kWaitMs = 10'000;
constexpr int kMostWaitMs = 60'000;
constexpr int kMostDepth = 32;
constexpr size_t kMostQuotedBytes = 200;

// How a value is quoted in an error: whatever bytes it has, and not all of a long one.
std::string Quote(const json& value) {
  const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
  return text.size() <= kMostQuotedBytes ? text : text.substr(0, kMostQuotedBytes) + "…";
}

// The writers of configurations have null for what they haven't.
const json& Part(const json& object, const char* key) {
  static const json kAbsent;
  const auto found = object.find(key);
  return found == object.end() ? kAbsent : *found;
}

void Misfit(Problems& problems, const char* key, const std::string& rule, const json& value) {
  problems.push_back({key, value.is_null() ? "is missing" : rule + ", not " + Quote(value)});
}

std::string NetworkOf(const json& config, Problems& problems) {
  const json& name = Part(config, "name");
  if (name.is_string() && IsName(name.get<std::string>())) return name.get<std::string>();
  Misfit(problems, "name", kNameRule, name);
  return "";
}

bool IsSocketPath(const std::string& path) {
  return !path.empty() && path[0] == '/' && path.size() < sizeof(sockaddr_un::sun_path) &&
         path.find('\0') == std::string::npos;
}

std::string SocketOf(const json& config, Problems& problems) {
  const json& socket = Part(config, "agentSocket");
  if (socket.is_null()) return kAgentSocket;
  if (socket.is_string() && IsSocketPath(socket.get<std::string>())) return socket.get<std::string>();
  Misfit(problems, "agentSocket", "an absolute path of at most 107 bytes is needed", socket);
  return "";
}

int WaitOf(const json& config, Problems& problems) {
  const json& wait = Part(config, "waitMs");
  if (wait.is_null()) return kWaitMs;
  if (wait.is_number_integer() && wait >= 0 && wait <= kMostWaitMs) return wait.get<int>();
  Misfit(problems, "waitMs", "a whole number from 0 to 60000 is needed", wait);
  return 0;
}

bool DisableGcOf(const json& config, Problems& problems) {
  const json& disable = Part(config, "disableGC");
  if (disable.is_boolean()) return disable.get<bool>();
  if (!disable.is_null()) Misfit(problems, "disableGC", "true or false is needed", disable);
  return false;
}

// Null when there is nothing to clean up by. An empty list means that none is to stay, so somebody must have said it.
json AttachmentsOf(const json& config, const Verb& verb, Problems& problems) {
  const char* key = "cni.dev/valid-attachments";
  if (verb.op != Op::kGc) return nullptr;
  if (!config.contains(key)) problems.push_back({key, "is missing"});
  const json& attachments = Part(config, key);
  return attachments.is_null() ? json::array() : attachments;
}

[[noreturn]] void Refuse(const char* key, const json& value, const std::string& advice) {
  throw CniError(Code::kUnsupportedField,
                 std::string("unsupported field in network configuration: ") + key + " = " + Quote(value),
                 std::string(key) + ": " + advice);
}

// ADD would give something else than what was asked for; the other verbs must work whatever stands there.
void RefuseUnsupported(const json& config) {
  const json& ipam = Part(config, "ipam");
  if (!ipam.empty()) Refuse("ipam", ipam, "addresses are given from Millrace's pools; remove this key");
  const json& previous = Part(config, "prevResult");
  if (previous.is_null()) return;
  Refuse("prevResult", previous, "Millrace makes the pod's interface: it must be the first of \"plugins\"");
}

[[noreturn]] void Undecodable(const std::string& why) {
  throw CniError(Code::kUndecodable, "the network configuration can't be read", why);
}

}  // namespace

json ParseConfig(const std::string& bytes) {
  // Recursion in what handles the value later must not be as deep as somebody likes.
  const auto bounded = [](int depth, json::parse_event_t, json&) {
    if (depth > kMostDepth) Undecodable("it is nested too deeply");
    return true;
  };
  try {
    json config = json::parse(bytes, bounded);
    if (config.is_object()) return config;
  } catch (const json::exception& error) {
    Undecodable(error.what());
  }
  Undecodable("it is no JSON object");
}

std::string VersionOf(const json& config, const Verb& verb) {
  const json& version = Part(config, "cniVersion");
  if (!version.is_null() && !version.is_string()) Undecodable("cniVersion: a string is needed, not " + Quote(version));
  // Before 0.2.0 nobody said a version.
  const std::string asked = version.is_null() ? "0.1.0" : version.get<std::string>();
  const auto first = std::find(kVersions.begin(), kVersions.end(), verb.since);
  if (std::find(first, kVersions.end(), asked) != kVersions.end()) return asked;
  const json there(std::vector<std::string>(first, kVersions.end()));
  throw CniError(Code::kIncompatibleVersion, "incompatible CNI version",
                 "cniVersion: " + Quote(asked) + ", and " + verb.command + " is there in " + Quote(there));
}

Config ReadConfig(const json& config, const Verb& verb) {
  Problems problems;
  Config out;
  const json& type = Part(config, "type");
  if (type != kType) Misfit(problems, "type", Quote(kType) + " is needed", type);
  out.network = NetworkOf(config, problems);
  out.agent_socket = SocketOf(config, problems);
  out.wait_ms = WaitOf(config, problems);
  out.disable_gc = DisableGcOf(config, problems);
  out.attachments = AttachmentsOf(config, verb, problems);
  out.prev_result = Part(config, "prevResult");
  if (verb.op == Op::kCheck && out.prev_result.is_null()) problems.push_back({"prevResult", "is missing"});
  const json& runtime = Part(config, "runtimeConfig");
  if (runtime.is_object()) {
    out.annotations = Part(runtime, "io.kubernetes.cri.pod-annotations");
    out.port_mappings = Part(runtime, "portMappings");
  } else if (!runtime.is_null()) {
    problems.push_back({"runtimeConfig", "an object is needed, not " + Quote(runtime)});
  }
  if (!problems.empty()) throw CniError(Code::kBadConfig, "invalid network configuration", Describe(problems));
  if (verb.op == Op::kAdd) RefuseUnsupported(config);
  return out;
}
