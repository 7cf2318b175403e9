// Addresses; see address.h.
#include "address.h"

#include <arpa/inet.h>

#include <cerrno>
#include <cstdio>

#include "error.h"

namespace address {

Ip ParseIp(const std::string& text, const std::string& op) {
  Ip out;
  if (text.empty()) return out;
  out.family = text.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(out.family, text.c_str(), out.bytes.data()) != 1) throw Failure(EINVAL, op, text, "not an address");
  return out;
}

Mac ParseMac(const std::string& text, const std::string& op) {
  Mac out;
  int end = 0;
  int parts = sscanf(text.c_str(), "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &out[0], &out[1], &out[2], &out[3], &out[4],
                     &out[5], &end);
  if (parts != 6 || text.size() != static_cast<size_t>(end)) throw Failure(EINVAL, op, text, "not a link address");
  return out;
}

std::string IpText(uint8_t family, const uint8_t* data, size_t size) {
  char text[INET6_ADDRSTRLEN];
  if (size < (family == AF_INET ? 4u : 16u)) return "";
  return inet_ntop(family, data, text, sizeof text) == nullptr ? "" : text;
}

std::string MacText(const uint8_t* data, size_t size) {
  std::string out;
  char part[4];
  for (size_t i = 0; i < size; i++) {
    snprintf(part, sizeof part, i == 0 ? "%02x" : ":%02x", data[i]);
    out += part;
  }
  return out;
}

}  // namespace address
