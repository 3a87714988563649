#include "distributed/cpu/shared_memory.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <climits>
#include <cstring>
#include <random>

namespace plait::distributed {
namespace {

struct Front {
  char name[64];
  Inbox::Bell bell;
};
static_assert(std::atomic<uint64_t>::is_always_lock_free && std::atomic<uint32_t>::is_always_lock_free);

constexpr size_t kFront = 4096;
constexpr size_t kRing = kFront + Inbox::kCapacity;  // a page with the counters, then the bytes
static_assert(sizeof(Front) <= kFront && sizeof(Inbox::Ring) <= kFront);

size_t total(int ranks) { return kFront + ranks * kRing; }

// The most that is copied before the other side may begin to read.
constexpr size_t kPiece = 64 * 1024;

}  // namespace

void Inbox::Bell::ring() {
  count.fetch_add(1, std::memory_order_seq_cst);
  if (sleeping.load(std::memory_order_seq_cst))
    ::syscall(SYS_futex, reinterpret_cast<uint32_t*>(&count), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

void sleep_on(Inbox::Bell& bell, uint32_t seen, Milliseconds time) {
  const timespec limit{time.count() / 1000, time.count() % 1000 * 1000000};
  ::syscall(SYS_futex, reinterpret_cast<uint32_t*>(&bell.count), FUTEX_WAIT, seen, &limit, nullptr, 0);
}

Inbox::~Inbox() {
  unlink();
  if (base_) ::munmap(base_, size_);
  if (descriptor_ >= 0) ::close(descriptor_);
}

Inbox& Inbox::operator=(Inbox&& other) noexcept {
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(name_, other.name_);
  std::swap(linked_, other.linked_);
  return *this;
}

Inbox Inbox::create(int ranks) {
  Inbox box;
  std::random_device random;
  char name[64];
  std::snprintf(name, sizeof name, "/plait-%d-%08x%08x", static_cast<int>(::getpid()), random(), random());
  const int fd = ::shm_open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return box;
  box.descriptor_ = fd;
  box.name_ = name;
  box.linked_ = true;
  // The rings are reserved one by one, for those ranks that are here.
  if (::ftruncate(fd, static_cast<off_t>(total(ranks))) < 0 || ::posix_fallocate(fd, 0, kFront) != 0)
    return {};
  void* at = ::mmap(nullptr, total(ranks), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (at == MAP_FAILED) return {};
  box.base_ = static_cast<char*>(at);
  box.size_ = total(ranks);
  std::memcpy(reinterpret_cast<Front*>(box.base_)->name, name, sizeof name);
  return box;
}

Inbox Inbox::open(const std::string& name, int ranks) {
  Inbox box;
  if (name.empty()) return box;
  box.descriptor_ = ::shm_open(name.c_str(), O_RDWR | O_CLOEXEC, 0600);
  if (box.descriptor_ < 0) return box;
  void* at = ::mmap(nullptr, total(ranks), PROT_READ | PROT_WRITE, MAP_SHARED, box.descriptor_, 0);
  if (at == MAP_FAILED) return box;
  box.base_ = static_cast<char*>(at);
  box.size_ = total(ranks);
  box.name_ = name;
  if (std::strncmp(reinterpret_cast<Front*>(box.base_)->name, name.c_str(), sizeof(Front::name)) != 0)
    return {};
  return box;
}

bool Inbox::reserve(int rank) {
  const auto begin = static_cast<off_t>(kFront + rank * kRing);
  return valid() && ::posix_fallocate(descriptor_, begin, kRing) == 0;
}

void Inbox::unlink() {
  if (linked_) ::shm_unlink(name_.c_str());
  linked_ = false;
}

Inbox::Bell& Inbox::bell() const { return reinterpret_cast<Front*>(base_)->bell; }
Inbox::Ring& Inbox::ring(int rank) const { return *reinterpret_cast<Ring*>(base_ + kFront + rank * kRing); }
char* Inbox::bytes(int rank) const { return base_ + kFront + rank * kRing + kFront; }

SharedChannel::SharedChannel(const Inbox& mine, const Inbox& theirs, int rank, int peer)
    : out_(theirs.ring(rank)),
      in_(mine.ring(peer)),
      bell_(theirs.bell()),
      out_bytes_(theirs.bytes(rank)),
      in_bytes_(mine.bytes(peer)) {}

// Copies what there is room for; the reader sees it when `written` is moved on.
size_t SharedChannel::put(std::span<const char> bytes) {
  const uint64_t written = out_.written.load(std::memory_order_relaxed);
  const size_t room = Inbox::kCapacity - (written - out_.read.load(std::memory_order_acquire));
  const size_t n = std::min({bytes.size(), room, kPiece});
  if (n == 0) return 0;
  const size_t at = written % Inbox::kCapacity, first = std::min(n, Inbox::kCapacity - at);
  std::memcpy(out_bytes_ + at, bytes.data(), first);
  std::memcpy(out_bytes_, bytes.data() + first, n - first);
  out_.written.store(written + n, std::memory_order_release);
  return n;
}

size_t SharedChannel::write_some(std::span<const char> head, std::span<const char> data) {
  size_t done = put(head);
  if (done == head.size()) done += put(data);
  if (done > 0) bell_.ring();
  return done;
}

std::span<const char> SharedChannel::peek(size_t least) {
  const uint64_t read = in_.read.load(std::memory_order_relaxed);
  const size_t ready = in_.written.load(std::memory_order_acquire) - read, at = read % Inbox::kCapacity;
  if (ready < least) return {};
  return {in_bytes_ + at, std::min(ready, Inbox::kCapacity - at)};
}

void SharedChannel::consume(size_t bytes) {
  in_.read.store(in_.read.load(std::memory_order_relaxed) + bytes, std::memory_order_release);
  bell_.ring();
}

size_t SharedChannel::read_some(char* to, size_t bytes) {
  const auto ready = peek(1);
  const size_t n = std::min({ready.size(), bytes, kPiece});
  if (n == 0) return 0;
  std::memcpy(to, ready.data(), n);
  consume(n);
  return n;
}

}  // namespace plait::distributed
