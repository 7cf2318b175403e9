// The thread and its hand-over; see pump.h.
#include "pump.h"

#include <sys/eventfd.h>

#include <cerrno>
#include <system_error>

#include "error.h"

struct Pump::Parcel {
  std::shared_ptr<Pump> pump;
  std::unique_ptr<Item> item;
};

void Pump::Start(Napi::Env env, Napi::Function callback, const char* name) {
  wake_.Reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_.valid()) throw Failure(errno, "eventfd", name);
  Prepare();
  auto* self = new std::shared_ptr<Pump>(shared_from_this());
  napi_status made = napi_create_threadsafe_function(env, callback, nullptr, Napi::String::New(env, name), 0, 1, self,
                                                     OnFinalize, nullptr, OnCall, &function_);
  if (made != napi_ok) {
    delete self;
    throw Failure(ENOMEM, "thread_create", name);
  }
  try {
    thread_ = std::thread([pump = shared_from_this()] {
      pump->Run();
      pump->Release();
    });
  } catch (const std::system_error& error) {
    Release();
    throw Failure(error.code().value(), "thread_create", name);
  }
}

Napi::Value Pump::Close(Napi::Env env) {
  if (stopping_) throw Failure::Closed("close", "reader");
  napi_value promise = nullptr;
  if (napi_create_promise(env, &closed_, &promise) != napi_ok) throw Failure(ENOMEM, "close", "promise");
  stopping_ = true;
  Wake();
  return Napi::Value(env, promise);
}

void Pump::Abandon() {
  {
    std::lock_guard<std::mutex> hold(lock_);
    abandoned_ = true;
    stopping_ = true;
  }
  slot_free_.notify_all();
  Wake();
}

void Pump::Wake() {
  uint64_t one = 1;
  if (write(wake_.get(), &one, sizeof one) < 0) return;  // full means: already awake
}

bool Pump::Post(std::unique_ptr<Item> item) {
  auto parcel = std::make_unique<Parcel>(Parcel{shared_from_this(), std::move(item)});
  std::lock_guard<std::mutex> hold(lock_);
  if (function_ == nullptr) return false;
  in_flight_++;
  napi_status status = napi_call_threadsafe_function(function_, parcel.get(), napi_tsfn_nonblocking);
  if (status == napi_ok) {
    parcel.release();
    return true;
  }
  in_flight_--;
  // napi_closing has already given this thread's share back: it must not be released a second time.
  if (status == napi_closing) function_ = nullptr;
  return false;
}

bool Pump::WaitForSlot(int most) {
  std::unique_lock<std::mutex> hold(lock_);
  slot_free_.wait(hold, [&] { return in_flight_ < most || abandoned_; });
  return !abandoned_;
}

void Pump::Release() {
  std::lock_guard<std::mutex> hold(lock_);
  if (function_ != nullptr) napi_release_threadsafe_function(function_, napi_tsfn_release);
  function_ = nullptr;
}

void Pump::OnCall(napi_env env, napi_value callback, void*, void* data) {
  std::unique_ptr<Parcel> parcel(static_cast<Parcel*>(data));
  std::shared_ptr<Pump> pump = parcel->pump;
  if (env != nullptr && callback != nullptr) parcel->item->Deliver(env, callback);
  {
    std::lock_guard<std::mutex> hold(pump->lock_);
    pump->in_flight_--;
  }
  pump->slot_free_.notify_all();
}

void Pump::OnFinalize(napi_env env, void* data, void*) {
  std::unique_ptr<std::shared_ptr<Pump>> self(static_cast<std::shared_ptr<Pump>*>(data));
  Pump& pump = **self;
  {
    std::lock_guard<std::mutex> hold(pump.lock_);
    pump.function_ = nullptr;
  }
  pump.Abandon();
  if (pump.thread_.joinable()) pump.thread_.join();
  pump.wake_.Reset();  // not left to the collector; from here on Wake() has nobody to wake
  if (pump.closed_ == nullptr) return;
  napi_value undefined = nullptr;
  if (napi_get_undefined(env, &undefined) == napi_ok) napi_resolve_deferred(env, pump.closed_, undefined);
  pump.closed_ = nullptr;
}
