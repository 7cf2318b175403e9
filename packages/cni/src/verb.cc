#include "verb.h"

namespace {

constexpr Verb kVerbs[] = {
    {Op::kAdd, "ADD", "add", true, true, "0.3.1"},
    {Op::kDel, "DEL", "del", true, false, "0.3.1"},
    {Op::kCheck, "CHECK", "check", true, true, "0.4.0"},
    {Op::kStatus, "STATUS", "status", false, false, "1.1.0"},
    {Op::kGc, "GC", "gc", false, false, "1.1.0"},
    {Op::kVersion, "VERSION", "", false, false, "0.3.1"},
};

}  // namespace

const Verb* FindVerb(const std::string& command) {
  for (const Verb& verb : kVerbs) {
    if (command == verb.command) return &verb;
  }
  return nullptr;
}
