#include "error.h"

std::string Describe(const std::vector<Problem>& problems) {
  std::string out;
  for (const Problem& problem : problems) {
    out += (out.empty() ? "" : "; ") + problem.field + ": " + problem.text;
  }
  return out;
}
