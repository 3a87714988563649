#include <cstring>

#include "distributed/cpu/channel.h"

namespace plait::distributed {
namespace {
constexpr size_t kBuffer = 256 * 1024;
}

// An ended connection looks like one that is silent; who waits learns from the mailbox that the rank has
// gone.

size_t TcpChannel::write_some(std::span<const char> head, std::span<const char> data) {
  const ssize_t n = socket_.send_some(head.data(), head.size(), data.data(), data.size());
  return n < 0 ? 0 : static_cast<size_t>(n);
}

void TcpChannel::fill() {
  if (buffer_.empty()) buffer_.resize(kBuffer);
  if (begin_ > 0) {  // little is left over: a part of an element
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (const ssize_t n = socket_.receive_some(buffer_.data() + end_, buffer_.size() - end_); n > 0) end_ += n;
}

std::span<const char> TcpChannel::peek(size_t least) {
  if (end_ - begin_ < least) fill();
  if (end_ - begin_ < least) return {};
  return {buffer_.data() + begin_, end_ - begin_};
}

size_t TcpChannel::read_some(char* to, size_t bytes) {
  if (begin_ == end_ && bytes >= kBuffer / 4) {  // straight to where it belongs
    const ssize_t n = socket_.receive_some(to, bytes);
    return n < 0 ? 0 : static_cast<size_t>(n);
  }
  const auto ready = peek(1);
  const size_t n = std::min(ready.size(), bytes);
  if (n == 0) return 0;
  std::memcpy(to, ready.data(), n);
  consume(n);
  return n;
}

}  // namespace plait::distributed
