// Doing something inside another network namespace. setns() moves only the calling thread, so the work runs on a
// thread made for it and joined before returning: Node's main thread is never anywhere else, also when the work throws.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "fd.h"

namespace netns {

// The namespace itself, for what names it by descriptor.
Fd Open(const std::string& path);

// path: '' for the namespace of this process, else e.g. /proc/123/ns/net.
void Run(const std::string& path, const std::function<void()>& work);

// The same on a thread pinned to one CPU (negative: any), for test runs that must hit one per-CPU slot.
void RunOnCpu(const std::string& path, int cpu, const std::function<void()>& work);

// In a new, empty namespace that is gone afterwards: for probes that must not touch the host's devices.
void RunInFresh(const std::function<void()>& work);

// In the namespace of this cookie: first looked for where it was last, then among all that a process is in or that are
// mounted. false: there is none any more, and the work wasn't done.
bool RunIn(uint64_t cookie, const std::string& last, const std::function<void()>& work);

// Of the calling thread.
uint64_t OwnCookie();

// Unique since boot, unlike the namespace's inode. since: 5.14 (SO_NETNS_COOKIE)
uint64_t Cookie(const std::string& path);

// What `ns` calls the namespace `of` in its messages; given one when it has none. Lives as long as both.
int Number(const std::string& ns, const std::string& of);

}  // namespace netns
