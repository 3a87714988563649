// TCP sockets, as far as the CPU's library needs them: owned, non-blocking, closed in a child after fork.
#pragma once

#include <string>
#include <vector>

#include "distributed/cpu/group.h"

namespace plait::distributed {

class Socket {
 public:
  Socket() = default;
  explicit Socket(int fd);
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Socket() { close(); }
  int fd() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close();

  // What the kernel takes or has at once: 0 for nothing now, -1 for an ended connection.
  ssize_t send_some(const char* data, size_t bytes) { return send_some(data, bytes, nullptr, 0); }
  ssize_t send_some(const char* head, size_t head_bytes, const char* data, size_t bytes);
  ssize_t receive_some(char* data, size_t bytes);
  // All of it, until the deadline; false where the connection ended or the time is over.
  bool send_all(const void* data, size_t bytes, Clock::time_point deadline);
  bool receive_all(void* data, size_t bytes, Clock::time_point deadline);

 private:
  int fd_ = -1;
};

// Listens on a port that the system chooses: on all interfaces, or only on this machine's own.
Socket listen_anywhere(bool local_only, int backlog, int& port);
// A connection, or an empty socket after the deadline.
Socket accept_until(Socket& listener, Clock::time_point deadline);
// One attempt; empty where nobody listens there.
Socket connect_once(const std::string& address, int port, Clock::time_point deadline);

// Wakes a thread that polls sockets.
class Doorbell {
 public:
  Doorbell();
  void ring();
  void quiet();  // before looking at what it was rung for
  int fd() const { return event_.fd(); }

 private:
  Socket event_;
};

}  // namespace plait::distributed
