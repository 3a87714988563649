// What the parts of one group of the CPU's library share: who is there, and whether and why it has failed.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>

#include "distributed/cpu/wire.h"

namespace plait::distributed {

using Clock = std::chrono::steady_clock;

class Group {
 public:
  enum class Presence : uint8_t { Here, Left, Lost };  // Left: in good order

  explicit Group(const GroupOptions& options) : options(options), peers_(options.size) {}

  const GroupOptions options;
  int rank() const { return options.rank; }
  int size() const { return options.size; }

  // The first reason stays. True where this was the first.
  bool fail(const std::string& why);
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  std::string why() const;
  [[noreturn]] void raise() const;  // of a group that has failed

  Presence presence(int peer) const { return peers_[peer].presence.load(std::memory_order_acquire); }
  void set_presence(int peer, Presence presence);

  // What a rank that waits for long has told of the collective that it waits in.
  void set_status(int peer, const Header& header);
  std::optional<Header> status(int peer) const;

  // Rings whoever waits for messages of collectives, from any thread.
  void set_wake(std::function<void()> wake);
  void wake();

 private:
  struct Peer {
    std::atomic<Presence> presence{Presence::Here};
    std::optional<Header> status;
  };
  mutable std::mutex mutex_;
  std::atomic<bool> failed_{false};
  std::string why_;
  std::deque<Peer> peers_;  // which never move
  std::function<void()> wake_;
};

// "1", "1 and 3", "1, 2 and 3"
std::string list_ranks(const std::vector<int>& ranks);
std::string seconds_since(Clock::time_point begin);  // "2.0 s"

}  // namespace plait::distributed
