// Names in a bpffs: pinning a descriptor, opening what is pinned, mounting the file system. Pins are what survives a
// process; nothing here decides when they go.
#pragma once

#include <string>

#include "fd.h"

namespace pin {

// Makes missing directories on the way; refuses a path that is not on a bpffs with a message that says so.
void Put(int fd, const std::string& path, const std::string& op);
Fd Open(const std::string& path, const std::string& op);
void Remove(const std::string& path);
void MakeParents(const std::string& path, const std::string& op);
void MountBpffs(const std::string& path);

}  // namespace pin
