#include "distributed/cpu/group.h"

#include <cstdio>

namespace plait::distributed {

bool Group::fail(const std::string& why) {
  {
    std::lock_guard lock(mutex_);
    if (failed()) return false;
    why_ = why;
    failed_.store(true, std::memory_order_release);
  }
  wake();
  return true;
}

std::string Group::why() const {
  std::lock_guard lock(mutex_);
  return why_;
}

void Group::raise() const { plait::fail<RuntimeError>("{}", why()); }

void Group::set_presence(int peer, Presence presence) {
  peers_[peer].presence.store(presence, std::memory_order_release);
  wake();
}

void Group::set_status(int peer, const Header& header) {
  {
    std::lock_guard lock(mutex_);
    peers_[peer].status = header;
  }
  wake();
}

std::optional<Header> Group::status(int peer) const {
  std::lock_guard lock(mutex_);
  return peers_[peer].status;
}

void Group::set_wake(std::function<void()> wake) {
  std::lock_guard lock(mutex_);
  wake_ = std::move(wake);
}

void Group::wake() {
  std::lock_guard lock(mutex_);
  if (wake_) wake_();
}

std::string list_ranks(const std::vector<int>& ranks) {
  std::string text = ranks.size() == 1 ? "rank " : "ranks ";
  for (size_t i = 0; i < ranks.size(); ++i)
    text += (i == 0 ? "" : i + 1 == ranks.size() ? " and " : ", ") + std::to_string(ranks[i]);
  return text;
}

std::string seconds_since(Clock::time_point begin) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s", std::chrono::duration<double>(Clock::now() - begin).count());
  return text;
}

}  // namespace plait::distributed
