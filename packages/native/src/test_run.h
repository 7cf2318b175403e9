// BPF_PROG_TEST_RUN: one program on given bytes, in a chosen namespace and on a chosen CPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

struct TestRun {
  uint32_t program_type = 0;
  const uint8_t* data = nullptr;
  size_t data_size = 0;
  const uint8_t* ctx = nullptr;
  size_t ctx_size = 0;
  uint32_t data_out_size = 0;
  int repeat = 1;
  int cpu = -1;  // negative: any
  uint32_t flags = 0;
  std::string netns;
};

struct TestRunResult {
  uint32_t retval = 0;
  uint32_t duration_ns = 0;  // the mean of one repetition
  std::vector<uint8_t> data_out;
  std::vector<uint8_t> ctx_out;
};

TestRunResult RunTest(int prog_fd, const std::string& name, const TestRun& run);
