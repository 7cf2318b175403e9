// The CNI plugin: reads what a container runtime asks, asks it of the agent on this host, and prints the answer. All
// work is the agent's, so that a plugin that is killed leaves nothing half made.
#include <unistd.h>

#include <csignal>
#include <exception>

#include "agent.h"
#include "config.h"
#include "environment.h"
#include "error.h"
#include "io.h"
#include "request.h"
#include "result.h"

namespace {

constexpr size_t kMostConfigBytes = 1 << 20;
constexpr std::chrono::seconds kInputLimit(10);
constexpr std::chrono::seconds kOutputLimit(10);

std::string ReadInput() {
  Received input = ReadAll(STDIN_FILENO, kMostConfigBytes, Clock::now() + kInputLimit);
  if (input.end == Received::End::kComplete) return std::move(input.bytes);
  const char* why = input.end == Received::End::kTooLong   ? "it has more than 1 MiB"
                    : input.end == Received::End::kTooLate ? "it doesn't end"
                                                           : "standard input can't be read";
  throw CniError(Code::kIo, "the network configuration wasn't read", why);
}

std::string Versions(const std::string& input) {
  const std::string newest = kVersions.back();
  if (input.empty()) return VersionText(newest);
  const nlohmann::json config = ParseConfig(input);
  const auto asked = config.find("cniVersion");
  return VersionText(asked != config.end() && asked->is_string() ? asked->get<std::string>() : newest);
}

// Without an agent no pod can be attached, and those there are reach nobody new on other hosts.
CniError Absence(const Verb& verb, const NoAgent& absence) {
  const Code code = verb.op == Op::kStatus ? Code::kLimitedConnectivity : Code::kTryAgain;
  return CniError(code, "the agent can't be reached", absence.why);
}

// What goes to standard output. `version` is set as soon as it is known: errors are in it too.
std::string Run(std::string& version) {
  const Environment environment = ReadEnvironment();
  const Verb& verb = *environment.verb;
  const std::string input = ReadInput();
  if (verb.op == Op::kVersion) return Versions(input);
  const nlohmann::json parsed = ParseConfig(input);
  version = VersionOf(parsed, verb);
  const Config config = ReadConfig(parsed, verb);
  if (verb.op == Op::kGc && config.disable_gc) return "";
  try {
    const std::string line = RequestLine(environment, config);
    const std::chrono::milliseconds wait(config.wait_ms);
    const nlohmann::json result = ReadAnswer(AskAgent(config.agent_socket, line, wait));
    return verb.op == Op::kAdd ? ResultText(result, version) : "";
  } catch (const NoAgent& absence) {
    throw Absence(verb, absence);
  }
}

// The runtime's time to read begins when there is something to read: waiting for the agent may have taken long.
bool Say(const std::string& text) { return WriteAll(STDOUT_FILENO, text, Clock::now() + kOutputLimit); }

int Fail(const CniError& error, const std::string& version) {
  Say(ErrorText(error, version));
  return 1;
}

}  // namespace

int main() {
  std::signal(SIGPIPE, SIG_IGN);
  std::string version = kVersions.back();
  try {
    const std::string answer = Run(version);
    return Say(answer) ? 0 : 1;
  } catch (const CniError& error) {
    return Fail(error, version);
  } catch (const std::exception& error) {
    return Fail(CniError(Code::kInternal, "the plugin failed", error.what()), version);
  }
}
