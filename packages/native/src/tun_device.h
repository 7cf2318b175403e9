// Making a tun device. What goes through it is tun.h's part.
#pragma once

#include <cstdint>
#include <string>

#include "fd.h"

namespace tun_device {

struct Made {
  Fd fd;  // non-blocking; the device and its namespace last as long
  uint32_t ifindex = 0;
};

// A new device that is down, in the calling thread's namespace. One that is there already is EBUSY and left alone.
Made Make(const std::string& name, uint32_t mtu, uint32_t queue_length);

}  // namespace tun_device
