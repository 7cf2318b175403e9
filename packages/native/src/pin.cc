// Pins in a bpffs; see pin.h.
#include "pin.h"

#include <bpf/bpf.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include <cerrno>

#include "error.h"

namespace pin {
namespace {

bool OnBpffs(const std::string& path) {
  struct statfs fs;
  return statfs(path.c_str(), &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

std::string Parent(const std::string& path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

void MakeDirectories(const std::string& path, const std::string& op) {
  for (size_t at = 1; at != std::string::npos && at <= path.size();) {
    size_t slash = path.find('/', at);
    std::string part = path.substr(0, slash);
    if (mkdir(part.c_str(), 0700) != 0 && errno != EEXIST) throw Failure(errno, op, part, "could not make the directory");
    at = slash == std::string::npos ? slash : slash + 1;
  }
}

}  // namespace

void MakeParents(const std::string& path, const std::string& op) {
  std::string parent = Parent(path);
  MakeDirectories(parent, op);
  if (!OnBpffs(parent)) throw Failure(EINVAL, op, path, "the directory is not on a bpffs: mount one first");
}

void Put(int fd, const std::string& path, const std::string& op) {
  MakeParents(path, op);
  if (bpf_obj_pin(fd, path.c_str()) != 0) throw Failure(errno, op, path);
}

Fd Open(const std::string& path, const std::string& op) {
  Fd fd(bpf_obj_get(path.c_str()));
  if (!fd.valid()) throw Failure(errno, op, path);
  return fd;
}

void Remove(const std::string& path) {
  if (unlink(path.c_str()) != 0 && errno != ENOENT) throw Failure(errno, "unpin", path);
}

void MountBpffs(const std::string& path) {
  if (OnBpffs(path)) return;
  MakeDirectories(path, "mount_bpffs");
  if (mount("bpf", path.c_str(), "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") != 0) {
    throw Failure(errno, "mount_bpffs", path);
  }
}

}  // namespace pin
