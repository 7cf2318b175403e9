#include "environment.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <vector>

#include "error.h"

namespace {

using Problems = std::vector<Problem>;

constexpr size_t kMostNameBytes = 255;
constexpr size_t kMostLinkNameBytes = 15;  // IFNAMSIZ, less its end
constexpr size_t kMostPathBytes = 4095;

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The kernel reads % as a pattern; all else that isn't printable ASCII is a name nobody can type.
bool IsLinkName(const std::string& text) {
  if (text.size() > kMostLinkNameBytes || text == "." || text == "..") return false;
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':' && c != '%'; });
}

bool IsPath(const std::string& text) { return text.size() <= kMostPathBytes && text[0] == '/'; }

std::string Needed(const char* name, bool (*fits)(const std::string&), const char* rule, Problems& problems) {
  std::string value = Variable(name);
  if (value.empty()) problems.push_back({name, "is missing"});
  if (!value.empty() && !fits(value)) problems.push_back({name, std::string(rule) + ", not \"" + value + "\""});
  return value;
}

// "FOO=BAR;ABC=123". IgnoreUnknown is for plugins that know arguments: here all are passed on, and none is unknown.
std::map<std::string, std::string> ReadArgs(Problems& problems) {
  std::map<std::string, std::string> args;
  const std::string text = Variable("CNI_ARGS");
  for (size_t from = 0; from < text.size();) {
    const size_t end = std::min(text.find(';', from), text.size());
    const std::string pair = text.substr(from, end - from);
    const size_t equals = pair.find('=');
    const bool is_pair = equals != std::string::npos && equals > 0;
    const std::string key = pair.substr(0, equals);
    if (is_pair && key != "IgnoreUnknown") args[key] = pair.substr(equals + 1);
    if (!is_pair && !pair.empty()) problems.push_back({"CNI_ARGS", "KEY=VALUE is needed, not \"" + pair + "\""});
    from = end + 1;
  }
  return args;
}

std::string NamesOf(const Problems& problems) {
  std::string names;
  for (const Problem& problem : problems) {
    if (names.find(problem.field) == std::string::npos) names += (names.empty() ? "" : ", ") + problem.field;
  }
  return names;
}

}  // namespace

bool IsName(const std::string& text) {
  const auto plain = [](unsigned char c) { return std::isalnum(c) != 0; };
  const auto fits = [plain](unsigned char c) { return plain(c) || c == '_' || c == '.' || c == '-'; };
  if (text.empty() || text.size() > kMostNameBytes || !plain(text[0])) return false;
  return std::all_of(text.begin(), text.end(), fits);
}

Environment ReadEnvironment() {
  Environment out;
  Problems problems;
  const std::string command = Variable("CNI_COMMAND");
  out.verb = FindVerb(command);
  if (out.verb == nullptr) {
    const std::string text = command.empty() ? "is missing" : "there is no \"" + command + "\"";
    throw CniError(Code::kBadEnvironment, "invalid environment: CNI_COMMAND", "CNI_COMMAND: " + text);
  }
  if (out.verb->needs_attachment) {
    out.container_id = Needed("CNI_CONTAINERID", IsName, kNameRule, problems);
    out.ifname = Needed("CNI_IFNAME", IsLinkName, "the name of an interface is needed, 15 letters at most", problems);
  }
  if (out.verb->needs_namespace) out.netns = Needed("CNI_NETNS", IsPath, "an absolute path is needed", problems);
  if (out.verb->op == Op::kAdd) out.args = ReadArgs(problems);
  if (problems.empty()) return out;
  throw CniError(Code::kBadEnvironment, "invalid environment: " + NamesOf(problems), Describe(problems));
}
