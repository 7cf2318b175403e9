// Reads one BPF ring buffer on a thread of its own and hands its records to JavaScript in batches. Knows lengths, not
// contents. A batch is records as record.h has them.
//
// Bounds: a batch is at most max_bytes (one larger record alone may exceed it), at most max_in_flight batches wait for
// JavaScript. When all are taken, new records are read and dropped, and every one is counted.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "handle.h"
#include "pump.h"

struct ring_buffer;

class RingPump : public Pump {
 public:
  struct Limits {
    size_t max_bytes;
    int max_in_flight;
    int tick_ms;
  };
  struct Counters {
    std::atomic<uint64_t> records{0}, bytes{0}, batches{0}, lost_records{0}, lost_bytes{0};
  };

  RingPump(Fd map, const std::string& name, uint32_t ring_bytes, const Limits& limits);
  ~RingPump() override;
  const Counters& counters() const { return counters_; }

 protected:
  void Prepare() override;
  void Run() override;

 private:
  using Clock = std::chrono::steady_clock;
  static int OnRecord(void* context, void* data, size_t size);
  int Take(const uint8_t* data, size_t size);
  void Lose(size_t size);
  bool Flush();
  void Wait();
  void Drain();
  int MsUntilDue() const;

  Fd map_;
  Fd epoll_;
  Fd pause_;
  ring_buffer* ring_ = nullptr;
  const Limits limits_;
  const size_t ring_bytes_;
  size_t drained_ = 0;
  bool draining_ = false;
  std::vector<uint8_t> batch_;
  size_t batch_records_ = 0, batch_payload_ = 0;
  Clock::time_point oldest_;
  uint64_t lost_records_ = 0, lost_bytes_ = 0;  // since the last batch that was handed over
  Counters counters_;
};

class RingReader : public Handle<RingReader> {
 public:
  static void Define(Napi::Env env, Napi::Object exports);
  explicit RingReader(const Napi::CallbackInfo& info);
  ~RingReader() override;

 private:
  Napi::Value Stats(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::shared_ptr<RingPump> pump_;
};
