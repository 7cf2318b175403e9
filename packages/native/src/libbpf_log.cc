// Collects libbpf's messages per thread; see libbpf_log.h. Not a logger: nothing is written anywhere.
#include "libbpf_log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>

namespace {

thread_local LibbpfLog* current = nullptr;

// A refused program's log can be megabytes; the reason stands at its end.
constexpr size_t kMaxBytes = 4u << 20;
constexpr char kBegin[] = "-- BEGIN PROG LOAD LOG --\n";
constexpr char kEnd[] = "-- END PROG LOAD LOG --";
constexpr char kPrefix[] = "libbpf: ";

}  // namespace

LibbpfLog::LibbpfLog() : outer_(current) { current = this; }
LibbpfLog::~LibbpfLog() { current = outer_; }

int LibbpfLog::Print(int level, const char* format, va_list args) {
  bool program_log = level == LIBBPF_DEBUG && __builtin_strstr(format, "PROG LOAD LOG") != nullptr;
  if (current == nullptr || (level != LIBBPF_WARN && !program_log)) return 0;
  va_list measured;
  va_copy(measured, args);
  int size = vsnprintf(nullptr, 0, format, measured);
  va_end(measured);
  if (size <= 0) return 0;
  std::string line(static_cast<size_t>(size) + 1, '\0');
  vsnprintf(line.data(), line.size(), format, args);
  line.pop_back();
  std::string& text = current->text_;
  text += line;
  if (text.size() > kMaxBytes) text.erase(0, text.size() - kMaxBytes);
  return 0;
}

std::string LibbpfLog::VerifierLog() const {
  std::string out;
  size_t at = 0;
  while ((at = text_.find(kBegin, at)) != std::string::npos) {
    at += sizeof kBegin - 1;
    size_t end = text_.find(kEnd, at);
    out += text_.substr(at, end == std::string::npos ? end : end - at);
    if (end == std::string::npos) break;
    at = end;
  }
  // The log was cut at its head, marker and all.
  if (out.empty() && text_.size() == kMaxBytes) out = text_;
  return out;
}

std::string LibbpfLog::Warnings() const {
  std::string out;
  bool in_log = false;
  for (size_t at = 0; at < text_.size();) {
    size_t end = text_.find('\n', at);
    if (end == std::string::npos) end = text_.size();
    std::string line = text_.substr(at, end - at);
    at = end + 1;
    if (line.find("-- BEGIN PROG LOAD LOG --") != std::string::npos) in_log = true;
    if (!in_log && !line.empty()) {
      if (line.rfind(kPrefix, 0) == 0) line.erase(0, sizeof kPrefix - 1);
      out += (out.empty() ? "" : "; ") + line;
    }
    if (line.find(kEnd) != std::string::npos) in_log = false;
  }
  return out.size() > 1000 ? out.substr(0, 1000) : out;
}

void InstallLibbpfLog() {
  libbpf_set_print([](enum libbpf_print_level level, const char* format, va_list args) {
    return LibbpfLog::Print(level, format, args);
  });
}
