// What libbpf says while it works, collected for the error that may follow instead of printed. One collector a
// thread; without one, libbpf's messages are dropped.
#pragma once

#include <string>

class LibbpfLog {
 public:
  LibbpfLog();
  ~LibbpfLog();
  LibbpfLog(const LibbpfLog&) = delete;
  LibbpfLog& operator=(const LibbpfLog&) = delete;

  // Between the markers that libbpf prints around a program's log; '' when no program was refused.
  std::string VerifierLog() const;
  // The warnings without the verifier's log, on one line.
  std::string Warnings() const;

 private:
  static int Print(int level, const char* format, __builtin_va_list args);
  friend void InstallLibbpfLog();
  std::string text_;
  LibbpfLog* outer_;
};

void InstallLibbpfLog();
