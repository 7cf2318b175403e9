// A tun device: packets that the kernel routes or redirects to it come to JavaScript in batches, read on a thread of its
// own, and what JavaScript writes arrives in the kernel as received on it. Knows lengths, not contents: a packet is a
// struct virtio_net_hdr of 10 bytes and the packet, so that one the kernel has yet to segment survives both ways.
//
// Bounds: a batch has at most kMostBatchBytes, at most kMostInFlight of them wait for JavaScript, and one is being
// filled. Beyond that packets are read and dropped, and every one is counted. The device lasts until close().
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "handle.h"
#include "pump.h"

class TunPump : public Pump {
 public:
  struct Options {
    std::string netns, name;
    uint32_t mtu, queue_length;
  };

  explicit TunPump(const Options& options);
  bool Write(const uint8_t* packet, size_t size);  // JavaScript's thread, before Close(); false when full
  uint32_t ifindex() const { return ifindex_; }
  uint64_t read() const { return read_; }
  uint64_t written() const { return written_; }
  uint64_t dropped() const { return dropped_; }

 protected:
  void Prepare() override {}
  void Run() override;

 private:
  void Wait();
  void ReadAll();
  void Take(size_t size);
  bool Flush();

  const std::string name_;
  Fd device_;
  uint32_t ifindex_ = 0;
  bool gone_ = false;  // somebody removed the device; thread only
  std::vector<uint8_t> packet_, batch_;
  size_t batch_packets_ = 0;
  std::atomic<uint64_t> read_{0}, written_{0}, dropped_{0};
};

// new Tun(netns path | undefined, name, mtu, queueLength, onBatch)
class Tun : public Handle<Tun> {
 public:
  static void Define(Napi::Env env, Napi::Object exports);
  explicit Tun(const Napi::CallbackInfo& info);
  ~Tun() override;

 private:
  Napi::Value Ifindex(const Napi::CallbackInfo& info);
  Napi::Value Write(const Napi::CallbackInfo& info);
  Napi::Value Counts(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  std::shared_ptr<TunPump> pump_;
  std::string name_;
  bool closed_ = false;
};
