// Addresses between text and bytes: IPv4, IPv6 and link addresses. Knows no message and no device.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace address {

struct Ip {
  uint8_t family = AF_UNSPEC;
  std::array<uint8_t, 16> bytes = {};

  bool there() const { return family != AF_UNSPEC; }
  size_t size() const { return family == AF_INET ? 4 : 16; }
};

using Mac = std::array<uint8_t, 6>;

// What isn't one is a Failure EINVAL of `op`; '' is an Ip that isn't there.
Ip ParseIp(const std::string& text, const std::string& op);
Mac ParseMac(const std::string& text, const std::string& op);

// '' for bytes that are too few.
std::string IpText(uint8_t family, const uint8_t* data, size_t size);
std::string MacText(const uint8_t* data, size_t size);

}  // namespace address
