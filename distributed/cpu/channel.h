// A stream of bytes to one rank and one from it, that never blocks: over TCP, or over memory that two
// processes share. Messages of collectives travel here, one thread at a time.
#pragma once

#include <span>

#include "distributed/cpu/socket.h"

namespace plait::distributed {

class Channel {
 public:
  virtual ~Channel() = default;
  // Takes what there is room for now, first of the head and then of the data; how many bytes that was.
  virtual size_t write_some(std::span<const char> head, std::span<const char> data) = 0;
  // What has come and lies in one piece; at least `least` bytes, or nothing.
  virtual std::span<const char> peek(size_t least) = 0;
  virtual void consume(size_t bytes) = 0;
  // Moves what has come; how many bytes that was.
  virtual size_t read_some(char* to, size_t bytes) = 0;
  // The descriptor to poll; -1 where a bell rings instead.
  virtual int fd() const { return -1; }
  // Are messages filled up to kAlign?
  virtual bool pads() const = 0;
};

class TcpChannel final : public Channel {
 public:
  explicit TcpChannel(Socket socket) : socket_(std::move(socket)) {}
  size_t write_some(std::span<const char> head, std::span<const char> data) override;
  std::span<const char> peek(size_t least) override;
  void consume(size_t bytes) override { begin_ += bytes; }
  size_t read_some(char* to, size_t bytes) override;
  int fd() const override { return socket_.fd(); }
  bool pads() const override { return false; }

 private:
  void fill();
  Socket socket_;
  std::vector<char> buffer_;  // [begin_, end_) has come and waits
  size_t begin_ = 0, end_ = 0;
};

}  // namespace plait::distributed
