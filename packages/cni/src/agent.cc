#include "agent.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>

#include "io.h"

namespace {

constexpr size_t kMostLineBytes = 1 << 20;  // CNI_LINE_BYTES of the contract
constexpr std::chrono::milliseconds kPause(20);
// The agent answers in 30 s, if only that it is still at it: this is for one that is stopped.
constexpr std::chrono::seconds kAnswerLimit(40);

class Connection {
 public:
  Connection() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {}
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  // Zero or errno. A full queue is EAGAIN at once: it doesn't wait for an agent that is stopped.
  int Open(const std::string& path) const {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::copy(path.begin(), path.end(), address.sun_path);
    return connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ? 0 : errno;
  }

 private:
  int fd_;
};

// What an agent that restarts, or is busy, looks like from here.
bool Passes(int error) { return error == ENOENT || error == ECONNREFUSED || error == EAGAIN || error == EINTR; }

// Nothing when the connection ended before an answer; `why` says how.
std::optional<std::string> Attempt(const std::string& socket, const std::string& line, std::string& why) {
  const Connection connection;
  if (const int error = connection.Open(socket)) {
    why = socket + ": " + std::strerror(error);
    if (!Passes(error)) throw CniError(Code::kIo, "the agent's socket can't be used", "agentSocket: " + why);
    return std::nullopt;
  }
  const auto deadline = Clock::now() + kAnswerLimit;
  WriteAll(connection.get(), line + "\n", deadline);  // who doesn't take it all may still say why
  Received answer = ReadLine(connection.get(), kMostLineBytes, deadline);
  if (answer.end == Received::End::kComplete) return std::move(answer.bytes);
  if (answer.end == Received::End::kTooLong) {
    throw CniError(Code::kInternal, "the agent's answer can't be read", "it is too long");
  }
  if (answer.end == Received::End::kTooLate) throw NoAgent{socket + ": no answer within 40 s"};
  why = socket + ": the agent ended before it answered";
  return std::nullopt;
}

}  // namespace

std::string AskAgent(const std::string& socket, const std::string& line, std::chrono::milliseconds wait) {
  if (line.size() > kMostLineBytes) {
    throw CniError(Code::kBadConfig, "invalid network configuration", "it makes a request of more than 1 MiB");
  }
  const auto deadline = Clock::now() + wait;
  for (;;) {
    std::string why;
    if (auto answer = Attempt(socket, line, why)) return *answer;
    if (Clock::now() >= deadline) throw NoAgent{why};
    std::this_thread::sleep_for(kPause);
  }
}
