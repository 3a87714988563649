// The connections of a group: to every other rank a channel for collectives and a socket for the mailbox.
#pragma once

#include "distributed/cpu/shared_memory.h"

namespace plait::distributed {

class Mesh {
 public:
  // Connects to all ranks, or raises and says which were missing when the time was over.
  explicit Mesh(Group& group);
  Channel& channel(int peer) { return *channels_[peer]; }
  Socket take_mail_socket(int peer) { return std::move(mail_[peer]); }  // the mailbox owns it from then on
  bool shares_memory(int peer) const { return theirs_[peer].valid(); }

  // Waiting for one of the channels of `peers` to have something or room, or for `wake`, for some
  // milliseconds at most. `look` is called once more before it sleeps: true where there was something after
  // all.
  void sleep(std::span<const int> readers, std::span<const int> writers, const std::function<bool()>& look);

 private:
  struct Address;
  void connect(const std::vector<Address>& known, Clock::time_point deadline);
  void share_memory(const std::vector<Address>& known, Clock::time_point deadline);

  Group& group_;
  Inbox mine_;
  std::vector<Inbox> theirs_;
  std::vector<Socket> lines_, mail_;  // by rank
  std::vector<std::unique_ptr<Channel>> channels_;
  Doorbell doorbell_;
};

}  // namespace plait::distributed
