#include "request.h"

#include "error.h"

using nlohmann::json;

namespace {

constexpr int kProtocol = 1;

json OrEmpty(const json& value, json empty) { return value.is_null() ? empty : value; }

// A variable may hold any bytes, JSON only text.
void CheckText(const char* variable, const json& value) {
  try {
    value.dump();
  } catch (const json::exception&) {
    throw CniError(Code::kBadEnvironment, std::string("invalid environment: ") + variable,
                   std::string(variable) + ": UTF-8 is needed");
  }
}

// What later plugins of the chain put there beside it is none of ours to check.
json Facts(const json& result) {
  if (!result.is_object()) return result;
  json facts;
  for (const char* key : {"interfaces", "ips", "routes"}) {
    facts[key] = result.contains(key) ? OrEmpty(result[key], json::array()) : json::array();
  }
  return facts;
}

}  // namespace

std::string RequestLine(const Environment& environment, const Config& config) {
  const Verb& verb = *environment.verb;
  json out = {{"v", kProtocol}, {"op", verb.asked}, {"network", config.network}};
  if (verb.needs_attachment) {
    out["containerId"] = environment.container_id;
    out["ifname"] = environment.ifname;
  }
  if (verb.needs_namespace) out["netns"] = environment.netns;
  if (verb.op == Op::kAdd) {
    out["args"] = environment.args;
    out["annotations"] = OrEmpty(config.annotations, json::object());
    out["portMappings"] = OrEmpty(config.port_mappings, json::array());
  }
  if (verb.op == Op::kCheck) out["prevResult"] = Facts(config.prev_result);
  if (verb.op == Op::kGc) out["attachments"] = config.attachments;
  CheckText("CNI_NETNS", environment.netns);
  CheckText("CNI_ARGS", environment.args);
  return out.dump();
}
