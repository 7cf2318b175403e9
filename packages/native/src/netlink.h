// A netlink socket: requests, changes, dumps and multicast, as bytes and attributes. What the messages mean is the part
// of those who ask.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "fd.h"

namespace netlink {

using OnMessage = std::function<void(const nlmsghdr*)>;

// groups: the RTMGRP_* bits to listen to.
Fd Open(int protocol, uint32_t groups, const std::string& op);

// A request under construction: header, fixed part, attributes.
class Request {
 public:
  Request(uint16_t type, uint16_t flags, const void* fixed, size_t fixed_size);
  size_t Begin(uint16_t type);  // a nested attribute
  void End(size_t at);
  void Put(uint16_t type, const void* data, size_t size);
  void Put(uint16_t type, const std::string& text) { Put(type, text.c_str(), text.size() + 1); }
  void PutU8(uint16_t type, uint8_t value) { Put(type, &value, sizeof value); }
  void PutU32(uint16_t type, uint32_t value) { Put(type, &value, sizeof value); }
  void Append(const void* data, size_t size);
  const nlmsghdr* Finish();

 private:
  std::vector<uint8_t> bytes_;
};

// Sends a dump request and calls back for each message of the answer. An interrupted dump, which may have missed
// something, is asked for again: then `restart` runs first, to forget what came before.
void Dump(int fd, Request& request, const std::string& op, const OnMessage& on, const std::function<void()>& restart);

// Sends and calls back for the one message that answers; 0 or a negative errno, with the kernel's own words in `why`.
int Answered(int fd, Request& request, const std::string& op, const OnMessage& on, std::string* why = nullptr);

// Sends and waits for the acknowledgement; 0 or a negative errno.
int Acknowledged(int fd, Request& request, const std::string& op);

// One change by rtnetlink in the calling thread's namespace; a refusal is a Failure on `object`. Wants NLM_F_ACK.
void Change(Request& request, const std::string& op, const std::string& object);

// From now on also what is said in every namespace that the socket's own has a number for.
void ListenEverywhere(int fd, const std::string& op);

// Of a message from the socket's own namespace.
constexpr int kOwnNetns = -1;
using OnMessageFrom = std::function<void(const nlmsghdr*, int netns)>;

// Calls back for what has arrived, without waiting, `most` datagrams at a time. Negative errno: -ENOBUFS when the
// kernel dropped messages.
int Receive(int fd, std::vector<uint8_t>& buffer, const OnMessageFrom& on, size_t most = SIZE_MAX);

struct Attribute {
  const uint8_t* data = nullptr;
  size_t size = 0;
  bool there() const { return data != nullptr; }
  uint32_t U32() const;
  uint16_t Be16() const;
  std::string Text() const;
};

// Attributes by type (nested and byte-order flags taken off); types beyond `most` are left out. Stops at a broken one.
std::vector<Attribute> Attributes(const uint8_t* data, size_t size, uint16_t most);
std::vector<Attribute> Attributes(const nlmsghdr* message, size_t fixed_size, uint16_t most);

}  // namespace netlink
