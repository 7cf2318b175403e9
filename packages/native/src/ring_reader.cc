// The ring reader; see ring_reader.h.
#include "ring_reader.h"

#include <bpf/libbpf.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "addon.h"
#include "args.h"
#include "map.h"
#include "record.h"

namespace {

// After an empty ring the thread sleeps this long before it listens again, so that a steady stream costs at most a
// thousand wake-ups a second. A 1 MiB ring would have to fill at 1 GB/s to overflow meanwhile.
constexpr int kPauseMs = 1;

// Programs may submit without a wake-up; the ring is looked at this often anyway.
constexpr int kIdlePollMs = 100;

struct Batch : Pump::Item {
  std::vector<uint8_t> bytes;
  uint64_t lost_records = 0, lost_bytes = 0;

  void Deliver(napi_env env, napi_value callback) override {
    napi_value argv[3], self;
    if (!record::ToArray(env, std::move(bytes), &argv[0])) return;
    if (napi_create_bigint_uint64(env, lost_records, &argv[1]) != napi_ok) return;
    if (napi_create_bigint_uint64(env, lost_bytes, &argv[2]) != napi_ok) return;
    if (napi_get_undefined(env, &self) != napi_ok) return;
    napi_call_function(env, self, callback, 3, argv, nullptr);
  }
};

void Watch(int epoll, int fd) {
  epoll_event event = {};
  event.events = EPOLLIN;
  event.data.fd = fd;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) throw Failure(errno, "epoll_ctl", "ring");
}

}  // namespace

RingPump::RingPump(Fd map, const std::string& name, uint32_t ring_bytes, const Limits& limits)
    : map_(std::move(map)), limits_(limits), ring_bytes_(ring_bytes) {
  epoll_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_.valid()) throw Failure(errno, "epoll_create", name);
  ring_ = ring_buffer__new(map_.get(), OnRecord, this, nullptr);
  if (ring_ == nullptr) throw Failure(errno, "ring_open", name);
}

RingPump::~RingPump() { ring_buffer__free(ring_); }

int RingPump::OnRecord(void* context, void* data, size_t size) {
  return static_cast<RingPump*>(context)->Take(static_cast<const uint8_t*>(data), size);
}

void RingPump::Lose(size_t size) {
  lost_records_++;
  lost_bytes_ += size;
  counters_.lost_records++;
  counters_.lost_bytes += size;
}

// A negative answer ends the current ring_buffer__consume; the record itself counts as read in any case.
int RingPump::Take(const uint8_t* data, size_t size) {
  if (batch_.size() + record::Room(size) > limits_.max_bytes && !batch_.empty() && !Flush()) {
    Lose(size);
  } else {
    if (batch_.empty()) oldest_ = Clock::now();
    record::Append(batch_, data, size);
    batch_records_++;
    batch_payload_ += size;
  }
  if (abandoned()) return -ECANCELED;
  if (!draining_) return stopping() ? -ECANCELED : 0;
  // Producers may go on while we drain: what was in the ring when close() was called is at most one ring.
  drained_ += size + record::kHeaderBytes;
  return drained_ > ring_bytes_ ? -ECANCELED : 0;
}

// False when JavaScript has all the batches it may have; then the batch stays.
bool RingPump::Flush() {
  if (batch_.empty() && lost_records_ == 0) return true;
  if (draining_ ? !WaitForSlot(limits_.max_in_flight) : in_flight() >= limits_.max_in_flight) return false;
  auto item = std::make_unique<Batch>();
  size_t payload = batch_payload_, records = batch_records_;
  item->bytes = std::move(batch_);
  item->lost_records = lost_records_;
  item->lost_bytes = lost_bytes_;
  batch_ = {};
  batch_records_ = batch_payload_ = 0;
  lost_records_ = lost_bytes_ = 0;
  if (!Post(std::move(item))) {
    counters_.lost_records += records;
    counters_.lost_bytes += payload;
    return true;
  }
  counters_.records += records;
  counters_.bytes += payload;
  counters_.batches++;
  return true;
}

int RingPump::MsUntilDue() const {
  if (batch_.empty()) return kIdlePollMs;
  auto age = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - oldest_).count();
  return static_cast<int>(std::clamp<int64_t>(limits_.tick_ms - age, 0, kIdlePollMs));
}

void RingPump::Wait() {
  epoll_event events[2];
  epoll_wait(epoll_.get(), events, 2, std::max(MsUntilDue(), kPauseMs));
}

void RingPump::Prepare() {
  pause_.Reset(epoll_create1(EPOLL_CLOEXEC));
  if (!pause_.valid()) throw Failure(errno, "epoll_create", "ring");
  Watch(pause_.get(), wake_fd());
  Watch(epoll_.get(), wake_fd());
  Watch(epoll_.get(), ring_buffer__epoll_fd(ring_));
}

void RingPump::Run() {
  epoll_event event;
  while (!stopping()) {
    Wait();
    ring_buffer__consume(ring_);
    if (!batch_.empty() && MsUntilDue() == 0) Flush();
    if (!stopping()) epoll_wait(pause_.get(), &event, 1, kPauseMs);
  }
  if (!abandoned()) Drain();
  // Not left to the collector: a ring is megabytes, and its descriptor keeps the map alive.
  ring_buffer__free(ring_);
  ring_ = nullptr;
  map_.Reset();
}

void RingPump::Drain() {
  draining_ = true;
  ring_buffer__consume(ring_);
  Flush();
}

// (map handle's descriptor owner, callback, maxBytes, maxInFlight, tickMs)
RingReader::RingReader(const Napi::CallbackInfo& info) : Handle<RingReader>(info) {
  AtEdge(info.Env(), [&] {
    Map* map = args::Handle<Map>(info, 0, Addon::Of(info.Env()).map, "a map");
    args::Require(info, info[1].IsFunction(), 1, "a function");
    Fd fd = Fd::Duplicate(map->Descriptor("ring_open"));
    if (!fd.valid()) throw Failure(errno, "ring_open", map->shape().name);
    RingPump::Limits limits = {args::Uint32(info, 2), static_cast<int>(args::Int64(info, 3)),
                               static_cast<int>(args::Int64(info, 4))};
    auto pump = std::make_shared<RingPump>(std::move(fd), map->shape().name, map->shape().max_entries, limits);
    pump->Start(info.Env(), info[1].As<Napi::Function>(), "ring_reader");
    pump_ = pump;
  });
}

// Without close(): the environment ends, and nobody can receive what is left.
RingReader::~RingReader() {
  if (pump_) pump_->Abandon();
}

Napi::Value RingReader::Stats(const Napi::CallbackInfo& info) {
  const RingPump::Counters& c = pump_->counters();
  auto out = Napi::Object::New(info.Env());
  auto set = [&](const char* key, const std::atomic<uint64_t>& value) {
    out.Set(key, Napi::BigInt::New(info.Env(), value.load()));
  };
  set("records", c.records);
  set("bytes", c.bytes);
  set("batches", c.batches);
  set("lostRecords", c.lost_records);
  set("lostBytes", c.lost_bytes);
  return out;
}

Napi::Value RingReader::Close(const Napi::CallbackInfo& info) { return pump_->Close(info.Env()); }

void RingReader::Define(Napi::Env env, Napi::Object exports) {
  exports.Set("RingReader", DefineClass(env, "NativeRingReader",
                                        {Bind<&RingReader::Stats>("stats"), Bind<&RingReader::Close>("close")}));
}
