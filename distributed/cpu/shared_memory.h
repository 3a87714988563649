// Channels between processes of one machine, in memory that they share.
//
// Each rank has an inbox: a bell, and a ring of bytes for every other rank of the machine. Who writes into a
// ring, or takes from one, rings the bell of the other side. A rank that has nothing to do looks for a while,
// gives its processor away, and at last sleeps on its own bell (a futex): one place, however many peers.
#pragma once

#include "distributed/cpu/channel.h"

namespace plait::distributed {

class Inbox {
 public:
  struct Bell {
    alignas(kAlign) std::atomic<uint32_t> count;
    std::atomic<uint32_t> sleeping;
    void ring();
  };
  struct Ring {
    alignas(kAlign) std::atomic<uint64_t> written;  // bytes since the beginning
    alignas(kAlign) std::atomic<uint64_t> read;
  };
  static constexpr size_t kCapacity = 512 * 1024;  // of a ring; a power of two

  Inbox() = default;
  ~Inbox();
  Inbox(Inbox&& other) noexcept { *this = std::move(other); }
  Inbox& operator=(Inbox&& other) noexcept;

  // This rank's own. Not valid where the system has no shared memory to give.
  static Inbox create(int ranks);
  // Another rank's; not valid where it cannot be opened or is not the one meant (another machine's).
  static Inbox open(const std::string& name, int ranks);
  bool valid() const { return base_ != nullptr; }
  // Makes sure that there is memory behind the ring of a rank; false where there is not.
  bool reserve(int rank);
  void unlink();  // when all have opened it; nothing is left behind then, whatever happens

  const std::string& name() const { return name_; }  // holds a random number, which open() compares
  Bell& bell() const;
  Ring& ring(int rank) const;
  char* bytes(int rank) const;

 private:
  char* base_ = nullptr;
  size_t size_ = 0;
  int descriptor_ = -1;
  std::string name_;
  bool linked_ = false;
};

class SharedChannel final : public Channel {
 public:
  // `mine` and `theirs` outlive the channel.
  SharedChannel(const Inbox& mine, const Inbox& theirs, int rank, int peer);
  size_t write_some(std::span<const char> head, std::span<const char> data) override;
  std::span<const char> peek(size_t least) override;
  void consume(size_t bytes) override;
  size_t read_some(char* to, size_t bytes) override;
  bool pads() const override { return true; }

 private:
  size_t put(std::span<const char> bytes);
  Inbox::Ring &out_, &in_;
  Inbox::Bell& bell_;  // the peer's
  char *out_bytes_, *in_bytes_;
};

// Sleeps until the bell has rung since `seen`, or for that long.
void sleep_on(Inbox::Bell& bell, uint32_t seen, Milliseconds time);

}  // namespace plait::distributed
