// What lib/link.ts takes for a link where it is a filter of classic tc (tc_filter.h). The pin is a note of where the
// filter is: a map of one element. Other than a link, the filter of a process that dies unpinned stays with its device,
// and so does one whose note was removed by hand. A note that is to be there is made before the filter, so that no kill
// leaves a filter that nobody knows of.
#pragma once

#include <string>

#include "handle.h"
#include "tc_filter.h"

class Program;

class TcLink : public Handle<TcLink> {
 public:
  struct Init {
    tc_filter::Place place;
    std::string netns;     // where it was found last; it is known by its cookie
    std::string pin_path;  // '' while not pinned
    uint32_t program;      // its id; 0: not known
  };
  static void Define(Napi::Env env);
  // Reads the checked `Attach` of lib/attach.ts.
  static Napi::Object Attach(Napi::Env env, const Program& program, int fd, const Napi::Object& attach);
  static bool IsNote(int fd);
  static Napi::Object OpenNote(Napi::Env env, int fd, const std::string& path);

  explicit TcLink(const Napi::CallbackInfo& info);
  ~TcLink() override;

 private:
  void RequireOpen(const char* op) const;
  void End();
  Napi::Value Update(const Napi::CallbackInfo& info);
  Napi::Value Pin(const Napi::CallbackInfo& info);
  Napi::Value Unpin(const Napi::CallbackInfo& info);
  Napi::Value Detach(const Napi::CallbackInfo& info);
  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);

  tc_filter::Place place_;
  std::string netns_;
  std::string pin_path_;
  uint32_t program_ = 0;
  bool open_ = true;
  bool ended_ = false;  // by this handle: another filter may be at its place by now
};
