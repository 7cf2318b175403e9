// How a failure travels: thrown as Failure anywhere below (also on the addon's own threads, which have no JavaScript
// environment), turned into a BpfError at the N-API edge, never let through it.
#pragma once

#include <napi.h>

#include <exception>
#include <string>

struct Failure : std::exception {
  Failure(int error, std::string operation, std::string target, std::string more = "");
  static Failure Closed(const std::string& operation, const std::string& target);

  const char* what() const noexcept override { return message.c_str(); }

  std::string code;  // 'EPERM'; 'ECLOSED' for a handle that was closed
  std::string op;    // 'prog_load'
  std::string object;
  std::string detail;
  std::string verifier_log;
  std::string message;
};

// 'EPERM' for 1 and also for -1.
std::string ErrnoName(int error);
std::string ErrnoText(int error);

// The BpfError class of lib/errors.ts; registered once by each environment.
void SetErrorClass(const Napi::CallbackInfo& info);
Napi::Error ToError(Napi::Env env, const Failure& failure);

// Runs fn and lets nothing but Napi::Error out, which node-addon-api hands to JavaScript.
template <typename Fn>
auto AtEdge(Napi::Env env, Fn&& fn) -> decltype(fn()) {
  try {
    return fn();
  } catch (const Failure& failure) {
    throw ToError(env, failure);
  } catch (const Napi::Error&) {
    throw;
  } catch (const std::exception& error) {
    throw Napi::Error::New(env, error.what());
  }
}
