// Netlink sockets; see netlink.h.
#include "netlink.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "error.h"

namespace netlink {
namespace {

constexpr int kDumpAttempts = 5;
constexpr size_t kBufferBytes = 64 << 10;  // the kernel fills dump messages up to 32 KiB

void Send(int fd, Request& request, const std::string& op) {
  const nlmsghdr* header = request.Finish();
  sockaddr_nl kernel = {};
  kernel.nl_family = AF_NETLINK;
  ssize_t sent = sendto(fd, header, header->nlmsg_len, 0, reinterpret_cast<sockaddr*>(&kernel), sizeof kernel);
  if (sent < 0) throw Failure(errno, op, "netlink");
}

int ErrorOf(const nlmsghdr* message) {
  if (message->nlmsg_len < NLMSG_LENGTH(sizeof(int))) return -EPROTO;
  int error;
  memcpy(&error, NLMSG_DATA(message), sizeof error);
  return error;
}

// What the kernel says of a refusal beside its number; most have nothing.
std::string Words(const nlmsghdr* message) {
  if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  auto a = Attributes(message, sizeof(nlmsgerr), NLMSGERR_ATTR_MAX);
  return a[NLMSGERR_ATTR_MSG].there() ? a[NLMSGERR_ATTR_MSG].Text() : "";
}

// Which namespace a multicast message is from; the kernel says nothing of the socket's own.
int NetnsOf(msghdr& message) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_NETLINK || c->cmsg_type != NETLINK_LISTEN_ALL_NSID) continue;
    int netns;
    memcpy(&netns, CMSG_DATA(c), sizeof netns);
    return netns;
  }
  return kOwnNetns;
}

enum class Dumped { kDone, kInterrupted };

Dumped ReadDump(int fd, const std::string& op, const OnMessage& on) {
  std::vector<uint8_t> buffer(kBufferBytes);
  bool interrupted = false;
  while (true) {
    ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure(errno, op, "netlink");
    auto left = static_cast<size_t>(got);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
      interrupted |= (m->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
      if (m->nlmsg_type == NLMSG_DONE || m->nlmsg_type == NLMSG_ERROR) {
        int error = ErrorOf(m);
        if (error < 0) throw Failure(error, op, "netlink");
        return interrupted ? Dumped::kInterrupted : Dumped::kDone;
      }
      on(m);
    }
  }
}

}  // namespace

Fd Open(int protocol, uint32_t groups, const std::string& op) {
  Fd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd.valid()) throw Failure(errno, op, "netlink socket");
  sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) throw Failure(errno, op, "netlink socket");
  // Answers come at once; a kernel that says nothing must not hang the caller.
  timeval patience = {5, 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  // Refusals with words, and without the request's copy before them. since: 4.12; without it there are only numbers
  int on = 1;
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  return fd;
}

Request::Request(uint16_t type, uint16_t flags, const void* fixed, size_t fixed_size) {
  nlmsghdr header = {};
  header.nlmsg_type = type;
  header.nlmsg_flags = static_cast<uint16_t>(NLM_F_REQUEST | flags);
  header.nlmsg_seq = 1;
  Append(&header, sizeof header);
  Append(fixed, fixed_size);
}

void Request::Append(const void* data, size_t size) {
  auto* from = static_cast<const uint8_t*>(data);
  bytes_.insert(bytes_.end(), from, from + size);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

size_t Request::Begin(uint16_t type) {
  size_t at = bytes_.size();
  nlattr header = {0, type};
  Append(&header, sizeof header);
  return at;
}

void Request::End(size_t at) {
  auto length = static_cast<uint16_t>(bytes_.size() - at);
  memcpy(bytes_.data() + at, &length, sizeof length);
}

void Request::Put(uint16_t type, const void* data, size_t size) {
  nlattr header = {static_cast<uint16_t>(NLA_HDRLEN + size), type};
  Append(&header, sizeof header);
  Append(data, size);
}

const nlmsghdr* Request::Finish() {
  auto* header = reinterpret_cast<nlmsghdr*>(bytes_.data());
  header->nlmsg_len = static_cast<uint32_t>(bytes_.size());
  return header;
}

void Dump(int fd, Request& request, const std::string& op, const OnMessage& on, const std::function<void()>& restart) {
  for (int attempt = 0; attempt < kDumpAttempts; attempt++) {
    if (attempt > 0) restart();
    Send(fd, request, op);
    if (ReadDump(fd, op, on) == Dumped::kDone) return;
  }
  throw Failure(EAGAIN, op, "netlink", "the answer changed while it was read, " + std::to_string(kDumpAttempts) + " times");
}

int Acknowledged(int fd, Request& request, const std::string& op) {
  return Answered(fd, request, op, nullptr);
}

void Change(Request& request, const std::string& op, const std::string& object) {
  Fd fd = Open(NETLINK_ROUTE, 0, op);
  std::string why;
  int error = Answered(fd.get(), request, op, nullptr, &why);
  if (error != 0) throw Failure(error, op, object, why);
}

int Answered(int fd, Request& request, const std::string& op, const OnMessage& on, std::string* why) {
  Send(fd, request, op);
  std::vector<uint8_t> buffer(kBufferBytes);
  while (true) {
    ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure(errno, op, "netlink");
    auto left = static_cast<size_t>(got);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) {
      if (m->nlmsg_type == NLMSG_ERROR) {
        if (why != nullptr) *why = Words(m);
        return ErrorOf(m);
      }
      if (!on) continue;
      on(m);
      return 0;
    }
  }
}

void ListenEverywhere(int fd, const std::string& op) {
  int on = 1;
  if (setsockopt(fd, SOL_NETLINK, NETLINK_LISTEN_ALL_NSID, &on, sizeof on) != 0) throw Failure(errno, op, "every namespace");
}

int Receive(int fd, std::vector<uint8_t>& buffer, const OnMessageFrom& on, size_t most) {
  buffer.resize(kBufferBytes);
  for (size_t taken = 0; taken < most; taken++) {
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    iovec data = {buffer.data(), buffer.size()};
    msghdr message = {};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return errno == EAGAIN ? 0 : -errno;
    auto left = static_cast<size_t>(got);
    int netns = NetnsOf(message);
    for (auto* m = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(m, left); m = NLMSG_NEXT(m, left)) on(m, netns);
  }
  return 0;
}

uint32_t Attribute::U32() const {
  uint32_t value = 0;
  if (size >= sizeof value) memcpy(&value, data, sizeof value);
  return value;
}

uint16_t Attribute::Be16() const {
  uint16_t value = 0;
  if (size >= sizeof value) memcpy(&value, data, sizeof value);
  return ntohs(value);
}

std::string Attribute::Text() const {
  return std::string(reinterpret_cast<const char*>(data), strnlen(reinterpret_cast<const char*>(data), size));
}

std::vector<Attribute> Attributes(const uint8_t* data, size_t size, uint16_t most) {
  std::vector<Attribute> out(size_t{most} + 1);
  while (size >= NLA_HDRLEN) {
    nlattr header;
    memcpy(&header, data, sizeof header);
    if (header.nla_len < NLA_HDRLEN || header.nla_len > size) break;
    uint16_t type = header.nla_type & NLA_TYPE_MASK;
    if (type <= most) out[type] = {data + NLA_HDRLEN, static_cast<size_t>(header.nla_len - NLA_HDRLEN)};
    size_t step = NLA_ALIGN(header.nla_len);
    if (step >= size) break;
    data += step;
    size -= step;
  }
  return out;
}

std::vector<Attribute> Attributes(const nlmsghdr* message, size_t fixed_size, uint16_t most) {
  size_t head = NLMSG_SPACE(fixed_size);
  if (message->nlmsg_len < head) return std::vector<Attribute>(size_t{most} + 1);
  return Attributes(reinterpret_cast<const uint8_t*>(message) + head, message->nlmsg_len - head, most);
}

}  // namespace netlink
