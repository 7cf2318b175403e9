// One thread that feeds one JavaScript callback: the frame of the ring reader and of the netlink watcher. It owns the
// thread, its wake-up and the bounded hand-over, and nothing of what is read.
//
// Life: Start -> Run on the thread -> Close (drains, resolves) or the environment's end (abandons). The finalizer of
// the thread-safe function joins the thread in every case; after it no call into JavaScript can happen, because the
// thread makes each one under the lock that the finalizer takes first.
#pragma once

#include <napi.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "fd.h"

class Pump : public std::enable_shared_from_this<Pump> {
 public:
  // What crosses to JavaScript. Uses plain N-API in Deliver: in an environment that is being torn down each call may
  // fail, which must end as nothing at all.
  struct Item {
    virtual ~Item() = default;
    virtual void Deliver(napi_env env, napi_value callback) = 0;
  };

  virtual ~Pump() = default;
  void Start(Napi::Env env, Napi::Function callback, const char* name);
  Napi::Value Close(Napi::Env env);  // a promise; call once
  void Abandon();                    // any thread: stop without draining

 protected:
  // Before the thread begins, where a failure still reaches the caller: out of Run() nothing may be thrown.
  virtual void Prepare() = 0;
  virtual void Run() = 0;

  // Thread only. False when JavaScript is gone.
  bool Post(std::unique_ptr<Item> item);
  bool WaitForSlot(int most);  // until fewer than `most` are in flight; false when abandoned
  int in_flight() const { return in_flight_; }
  bool stopping() const { return stopping_; }
  bool abandoned() const { return abandoned_; }
  int wake_fd() const { return wake_.get(); }
  void Wake();

 private:
  struct Parcel;
  static void OnCall(napi_env env, napi_value callback, void* context, void* data);
  static void OnFinalize(napi_env env, void* data, void* hint);
  void Release();

  Fd wake_;
  std::thread thread_;
  std::mutex lock_;
  std::condition_variable slot_free_;
  napi_threadsafe_function function_ = nullptr;  // null once JavaScript is gone
  napi_deferred closed_ = nullptr;               // JavaScript thread only
  std::atomic<int> in_flight_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<bool> abandoned_{false};
};
