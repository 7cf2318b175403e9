// BPF_PROG_TEST_RUN; see test_run.h.
#include "test_run.h"

#include <bpf/bpf.h>

#include <cerrno>

#include "error.h"
#include "netns.h"

namespace {

constexpr uint32_t kLiveFrames = 1u << 1;  // BPF_F_TEST_XDP_LIVE_FRAMES: the frames really leave, nothing comes back

// Programs without a packet: the kernel refuses a repeat count and a separate context for the answer.
bool TakesOnlyContext(uint32_t type) {
  return type == BPF_PROG_TYPE_SYSCALL || type == BPF_PROG_TYPE_RAW_TRACEPOINT ||
         type == BPF_PROG_TYPE_RAW_TRACEPOINT_WRITABLE;
}

}  // namespace

TestRunResult RunTest(int prog_fd, const std::string& name, const TestRun& run) {
  TestRunResult result;
  result.data_out.resize(run.data_size == 0 || (run.flags & kLiveFrames) ? 0 : run.data_out_size);
  // A system call program writes into the context that it was given, so that is a copy of the caller's.
  bool only_context = TakesOnlyContext(run.program_type);
  if (!(run.flags & kLiveFrames)) result.ctx_out.assign(run.ctx, run.ctx + run.ctx_size);
  LIBBPF_OPTS(bpf_test_run_opts, opts);
  opts.data_in = run.data_size > 0 ? run.data : nullptr;
  opts.data_size_in = static_cast<uint32_t>(run.data_size);
  opts.data_out = result.data_out.empty() ? nullptr : result.data_out.data();
  opts.data_size_out = static_cast<uint32_t>(result.data_out.size());
  opts.ctx_in = run.ctx_size == 0 ? nullptr : only_context ? result.ctx_out.data() : run.ctx;
  opts.ctx_size_in = static_cast<uint32_t>(run.ctx_size);
  if (!only_context) {
    opts.ctx_out = result.ctx_out.empty() ? nullptr : result.ctx_out.data();
    opts.ctx_size_out = static_cast<uint32_t>(result.ctx_out.size());
    opts.repeat = run.repeat;
  }
  opts.flags = run.flags;
  // The CPU is chosen by pinning the thread and not by BPF_F_TEST_RUN_ON_CPU, which only raw tracepoints know.
  netns::RunOnCpu(run.netns, run.cpu, [&] {
    if (bpf_prog_test_run_opts(prog_fd, &opts) != 0) {
      throw Failure(errno, "test_run", name, errno == ENOSPC ? "dataOutSize is too small" : "");
    }
  });
  result.retval = opts.retval;
  result.duration_ns = opts.duration;
  result.data_out.resize(std::min<size_t>(opts.data_size_out, result.data_out.size()));
  if (!only_context) result.ctx_out.resize(std::min<size_t>(opts.ctx_size_out, result.ctx_out.size()));
  return result;
}
