#include "distributed/cpu/socket.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <set>

namespace plait::distributed {
namespace {

// Note [Sockets and fork]
// A child (a worker of a data loader) inherits the descriptors, and a peer would not see that the parent has
// died as long as the child lives. So the child closes them. It shuts nothing down: the connections are the
// parent's.
struct Open {
  std::mutex mutex;
  std::set<int> descriptors;
};
Open& open_descriptors() {
  static auto* open = [] {
    auto* made = new Open;
    pthread_atfork([] { open_descriptors().mutex.lock(); }, [] { open_descriptors().mutex.unlock(); },
                   [] {
                     Open& o = open_descriptors();
                     for (const int fd : o.descriptors) ::close(fd);
                     o.descriptors.clear();
                     o.mutex.unlock();
                   });
    return made;
  }();
  return *open;
}

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<Milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 1 << 30));
}

bool wait_for(int fd, short events, Clock::time_point deadline) {
  pollfd p{fd, events, 0};
  for (;;) {
    const int ready = ::poll(&p, 1, milliseconds_until(deadline));
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) return false;
  }
}

void set_options(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  // A machine that is switched off says nothing: ask after a minute, and give up after half another.
  const int idle = 60, every = 10, times = 3;
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
  setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &times, sizeof times);
}

}  // namespace

Socket::Socket(int fd) : fd_(fd) {
  if (fd < 0) return;
  Open& open = open_descriptors();
  std::lock_guard lock(open.mutex);
  open.descriptors.insert(fd);
}

void Socket::close() {
  if (fd_ < 0) return;
  Open& open = open_descriptors();
  std::lock_guard lock(open.mutex);
  if (open.descriptors.erase(fd_)) ::close(fd_);  // else this is a child, which has closed it
  fd_ = -1;
}

ssize_t Socket::send_some(const char* head, size_t head_bytes, const char* data, size_t bytes) {
  iovec parts[2] = {{const_cast<char*>(head), head_bytes}, {const_cast<char*>(data), bytes}};
  msghdr m{};
  m.msg_iov = parts;
  m.msg_iovlen = bytes ? 2 : 1;
  const ssize_t n = ::sendmsg(fd_, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (n >= 0) return n;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

ssize_t Socket::receive_some(char* data, size_t bytes) {
  const ssize_t n = ::recv(fd_, data, bytes, MSG_DONTWAIT);
  if (n > 0) return n;
  if (n == 0) return bytes ? -1 : 0;
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 0 : -1;
}

bool Socket::send_all(const void* data, size_t bytes, Clock::time_point deadline) {
  const char* at = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t n = send_some(at, bytes);
    if (n < 0 || (n == 0 && !wait_for(fd_, POLLOUT, deadline))) return false;
    at += n;
    bytes -= n;
  }
  return true;
}

bool Socket::receive_all(void* data, size_t bytes, Clock::time_point deadline) {
  char* at = static_cast<char*>(data);
  while (bytes > 0) {
    const ssize_t n = receive_some(at, bytes);
    if (n < 0 || (n == 0 && !wait_for(fd_, POLLIN, deadline))) return false;
    at += n;
    bytes -= n;
  }
  return true;
}

Socket listen_anywhere(bool local_only, int backlog, int& port) {
  for (const int family : {AF_INET6, AF_INET}) {
    if (local_only && family == AF_INET6) continue;
    Socket s(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!s) continue;
    sockaddr_storage address{};
    socklen_t length = 0;
    if (family == AF_INET6) {
      auto& a = reinterpret_cast<sockaddr_in6&>(address);
      a.sin6_family = AF_INET6;
      a.sin6_addr = in6addr_any;
      length = sizeof a;
      const int off = 0;
      setsockopt(s.fd(), IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    } else {
      auto& a = reinterpret_cast<sockaddr_in&>(address);
      a.sin_family = AF_INET;
      a.sin_addr.s_addr = htonl(local_only ? INADDR_LOOPBACK : INADDR_ANY);
      length = sizeof a;
    }
    if (::bind(s.fd(), reinterpret_cast<sockaddr*>(&address), length) < 0) continue;
    if (::listen(s.fd(), backlog) < 0) continue;
    length = sizeof address;
    if (::getsockname(s.fd(), reinterpret_cast<sockaddr*>(&address), &length) < 0) continue;
    port = ntohs(family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(address).sin6_port
                                    : reinterpret_cast<sockaddr_in&>(address).sin_port);
    return s;
  }
  fail<RuntimeError>("init_process_group: the system gives no port to listen on: {}", std::strerror(errno));
}

Socket accept_until(Socket& listener, Clock::time_point deadline) {
  if (!wait_for(listener.fd(), POLLIN, deadline)) return {};
  Socket s(::accept4(listener.fd(), nullptr, nullptr, SOCK_CLOEXEC));
  if (s) set_options(s.fd());
  return s;
}

Socket connect_once(const std::string& address, int port, Clock::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) return {};
  Socket connected;
  for (addrinfo* a = found; a && !connected; a = a->ai_next) {
    Socket s(::socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!s) continue;
    if (::connect(s.fd(), a->ai_addr, a->ai_addrlen) < 0) {
      if (errno != EINPROGRESS) continue;
      // Another machine's address may lead nowhere: do not spend all of the time on it.
      if (!wait_for(s.fd(), POLLOUT, std::min(deadline, Clock::now() + Milliseconds(5000)))) continue;
      int error = 0;
      socklen_t length = sizeof error;
      if (::getsockopt(s.fd(), SOL_SOCKET, SO_ERROR, &error, &length) < 0 || error != 0) continue;
    }
    set_options(s.fd());
    connected = std::move(s);
  }
  ::freeaddrinfo(found);
  return connected;
}

Doorbell::Doorbell() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  check<RuntimeError>(static_cast<bool>(event_), "init_process_group: eventfd failed: {}",
                      std::strerror(errno));
}
void Doorbell::ring() {
  const uint64_t one = 1;
  while (event_ && ::write(event_.fd(), &one, sizeof one) < 0 && errno == EINTR) {
  }
}
void Doorbell::quiet() {
  uint64_t count = 0;
  while (::read(event_.fd(), &count, sizeof count) < 0 && errno == EINTR) {
  }
}

}  // namespace plait::distributed
