#include "result.h"

#include "config.h"

using nlohmann::json;

namespace {

// What is in an error comes from anywhere.
std::string Print(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

bool IsBefore(const std::string& version, const char* other) { return version < other; }  // ours sort as text

bool IsIpv6(const json& ip) { return ip.at("address").get<std::string>().find(':') != std::string::npos; }

[[noreturn]] void Unreadable(const std::string& why) {
  throw CniError(Code::kInternal, "the agent's answer can't be read", why);
}

}  // namespace

json ReadAnswer(const std::string& line) {
  try {
    const json answer = json::parse(line);
    if (answer.at("ok").get<bool>()) return answer.value("result", json());
    throw CniError(answer.at("code").get<int>(), answer.at("message").get<std::string>(),
                   answer.at("details").get<std::string>());
  } catch (const json::exception& error) {
    Unreadable(error.what());
  }
}

std::string ResultText(json result, const std::string& version) {
  try {
    result["cniVersion"] = version;
    for (json& link : result.at("interfaces")) {
      if (IsBefore(version, "1.1.0")) link.erase("mtu");
    }
    for (json& ip : result.at("ips")) {
      if (IsBefore(version, "1.0.0")) ip["version"] = IsIpv6(ip) ? "6" : "4";
    }
    return Print(result);
  } catch (const json::exception& error) {
    Unreadable(error.what());
  }
}

std::string ErrorText(const CniError& error, const std::string& version) {
  return Print({{"cniVersion", version}, {"code", error.code}, {"msg", error.message}, {"details", error.details}});
}

std::string VersionText(const std::string& asked) {
  return Print({{"cniVersion", asked}, {"supportedVersions", kVersions}});
}
