#include "io.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace {

constexpr size_t kChunkBytes = 64 << 10;

// False when time ran out. A failure is the next read's or write's to say.
bool WaitFor(int fd, short what, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd entry = {fd, what, 0};
    const int ready = poll(&entry, 1, static_cast<int>(left));
    if (ready > 0 || (ready < 0 && errno != EINTR)) return true;
  }
}

Received Read(int fd, size_t most_bytes, Clock::time_point deadline, bool stop_at_newline) {
  std::string bytes;
  char chunk[kChunkBytes];
  while (bytes.size() <= most_bytes) {
    if (!WaitFor(fd, POLLIN, deadline)) return {Received::End::kTooLate, bytes};
    const ssize_t count = read(fd, chunk, sizeof(chunk));
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (count < 0) return {Received::End::kFailed, bytes, errno};
    if (count == 0) return {stop_at_newline ? Received::End::kCutOff : Received::End::kComplete, bytes};
    const size_t from = bytes.size();
    bytes.append(chunk, static_cast<size_t>(count));
    const size_t newline = stop_at_newline ? bytes.find('\n', from) : std::string::npos;
    if (newline != std::string::npos) return {Received::End::kComplete, bytes.substr(0, newline)};
  }
  return {Received::End::kTooLong, bytes};
}

}  // namespace

Received ReadAll(int fd, size_t most_bytes, Clock::time_point deadline) {
  return Read(fd, most_bytes, deadline, false);
}

Received ReadLine(int fd, size_t most_bytes, Clock::time_point deadline) {
  return Read(fd, most_bytes, deadline, true);
}

bool WriteAll(int fd, const std::string& bytes, Clock::time_point deadline) {
  for (size_t done = 0; done < bytes.size();) {
    if (!WaitFor(fd, POLLOUT, deadline)) return false;
    const ssize_t count = write(fd, bytes.data() + done, bytes.size() - done);
    if (count < 0 && errno != EINTR && errno != EAGAIN) return false;
    if (count > 0) done += static_cast<size_t>(count);
  }
  return true;
}
