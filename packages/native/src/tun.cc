// The tun device's traffic; see tun.h.
#include "tun.h"

#include <poll.h>

#include <cerrno>
#include <utility>

#include "args.h"
#include "netns.h"
#include "record.h"
#include "tun_device.h"

namespace {

// The batch being filled is what bridges a pause of JavaScript's: those before it may have been handed over with one
// packet each.
constexpr size_t kMostBatchBytes = 1 << 20;
constexpr int kMostInFlight = 2;

// The largest the kernel hands over: an IPv6 header, 65535 bytes behind it, and the header of ours.
constexpr size_t kMostPacketBytes = 10 + 40 + 65535;

// A batch that JavaScript had no room for is offered again this soon.
constexpr int kOfferMs = 1;

struct Packets : Pump::Item {
  std::vector<uint8_t> bytes;

  void Deliver(napi_env env, napi_value callback) override {
    napi_value batch, self;
    if (!record::ToArray(env, std::move(bytes), &batch)) return;
    if (napi_get_undefined(env, &self) == napi_ok) napi_call_function(env, self, callback, 1, &batch, nullptr);
  }
};

}  // namespace

TunPump::TunPump(const Options& options) : name_(options.name), packet_(kMostPacketBytes) {
  netns::Run(options.netns, [&] {
    tun_device::Made made = tun_device::Make(options.name, options.mtu, options.queue_length);
    device_ = std::move(made.fd);
    ifindex_ = made.ifindex;
  });
}

bool TunPump::Write(const uint8_t* packet, size_t size) {
  ssize_t result;
  do result = ::write(device_.get(), packet, size);
  while (result < 0 && errno == EINTR);
  if (result < 0 && errno == EAGAIN) return false;
  if (result < 0) throw Failure(errno, "tun_write", name_);
  written_++;
  return true;
}

void TunPump::Wait() {
  pollfd ready[] = {{wake_fd(), POLLIN, 0}, {gone_ ? -1 : device_.get(), POLLIN, 0}};
  poll(ready, 2, batch_.empty() ? -1 : kOfferMs);
}

void TunPump::ReadAll() {
  while (!stopping() && !gone_) {
    ssize_t got = ::read(device_.get(), packet_.data(), packet_.size());
    if (got >= 0) Take(static_cast<size_t>(got));
    else if (errno == EAGAIN) return;
    else if (errno != EINTR) gone_ = true;
  }
}

void TunPump::Take(size_t size) {
  if (batch_.size() + record::Room(size) > kMostBatchBytes && !Flush()) {
    dropped_++;
    return;
  }
  record::Append(batch_, packet_.data(), size);
  batch_packets_++;
}

// False when JavaScript has all the batches it may have; then this one stays.
bool TunPump::Flush() {
  if (batch_.empty()) return true;
  if (in_flight() >= kMostInFlight) return false;
  auto item = std::make_unique<Packets>();
  item->bytes = std::move(batch_);
  batch_ = {};
  (Post(std::move(item)) ? read_ : dropped_) += std::exchange(batch_packets_, 0);
  return true;
}

void TunPump::Run() {
  while (!stopping()) {
    Wait();
    ReadAll();
    Flush();
  }
  dropped_ += batch_packets_;
  // Not left to the collector: the device and its namespace last as long as this.
  device_.Reset();
}

Tun::Tun(const Napi::CallbackInfo& info) : Handle<Tun>(info) {
  AtEdge(info.Env(), [&] {
    name_ = args::String(info, 1);
    args::Require(info, info[4].IsFunction(), 4, "a function");
    auto pump = std::make_shared<TunPump>(
        TunPump::Options{args::OptionalString(info, 0), name_, args::Uint32(info, 2), args::Uint32(info, 3)});
    pump->Start(info.Env(), info[4].As<Napi::Function>(), "tun");
    pump_ = pump;
  });
}

// Collected without close(): nobody can receive what is left.
Tun::~Tun() {
  if (pump_) pump_->Abandon();
}

Napi::Value Tun::Ifindex(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), pump_->ifindex()); }

// The thread closes the descriptor, but only after this thread has told it to: here it is open.
Napi::Value Tun::Write(const Napi::CallbackInfo& info) {
  if (closed_) throw Failure::Closed("tun_write", name_);
  Napi::Uint8Array packet = args::Bytes(info, 0);
  return Napi::Boolean::New(info.Env(), pump_->Write(packet.Data(), packet.ByteLength()));
}

Napi::Value Tun::Counts(const Napi::CallbackInfo& info) {
  auto out = Napi::Object::New(info.Env());
  out.Set("read", Napi::BigInt::New(info.Env(), pump_->read()));
  out.Set("written", Napi::BigInt::New(info.Env(), pump_->written()));
  out.Set("dropped", Napi::BigInt::New(info.Env(), pump_->dropped()));
  return out;
}

Napi::Value Tun::Close(const Napi::CallbackInfo& info) {
  closed_ = true;
  return pump_->Close(info.Env());
}

void Tun::Define(Napi::Env env, Napi::Object exports) {
  exports.Set("Tun", DefineClass(env, "NativeTun",
                                 {Bind<&Tun::Ifindex>("ifindex"), Bind<&Tun::Write>("write"), Bind<&Tun::Counts>("counts"),
                                  Bind<&Tun::Close>("close")}));
}
