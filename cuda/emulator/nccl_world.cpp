#include "nccl_world.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

namespace emulator::nccl {

namespace {

constexpr size_t kPage = 4096;
constexpr size_t kHeader = (sizeof(Shared) + kPage - 1) / kPage * kPage;
constexpr size_t kStep = 1 << 20;  // bytes that memory is put behind at a time
constexpr size_t kAlignment = 64;

size_t file_bytes(int size) { return kHeader + size_t(size) * kRegion; }

}  // namespace

std::shared_ptr<World> World::join(const std::string& name, int size, int rank, int device,
                                   std::string& reason) {
  std::shared_ptr<World> world(new World);
  world->path_ = "/dev/shm/" + name;
  world->size_ = size;
  world->rank_ = rank;
  world->file_ = open(world->path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  void* memory = MAP_FAILED;
  if (world->file_ >= 0 && ftruncate(world->file_, off_t(file_bytes(size))) == 0)
    memory =
        mmap(nullptr, file_bytes(size), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, world->file_, 0);
  if (memory == MAP_FAILED || posix_fallocate(world->file_, 0, off_t(kHeader)) != 0) {
    reason = "no shared memory in /dev/shm: " + std::string(std::strerror(errno));
    return nullptr;
  }
  world->shared_ = static_cast<Shared*>(memory);
  int first = 0;
  if (!world->shared_->size.compare_exchange_strong(first, size) && first != size) {
    reason = "ranks name different numbers of ranks";
    return nullptr;
  }
  RankState& own = world->state(rank);
  own.process = getpid();
  own.device = device;
  int absent = Absent;
  if (!own.presence.compare_exchange_strong(absent, Here)) {
    reason = "two ranks have one number";
    return nullptr;
  }
  return world;
}

World::~World() {
  if (shared_) munmap(shared_, file_bytes(size_));
  if (file_ >= 0) close(file_);
}

bool World::complete() {
  for (int r = 0; r < size_; ++r)
    if (state(r).presence == Absent) return false;
  take_name_away();
  return true;
}

void World::take_name_away() {
  if (named_.exchange(false)) unlink(path_.c_str());
}

void World::leave(Presence how) {
  state(rank_).presence = how;
  take_name_away();
}

char* World::data(int rank, uint64_t offset) const {
  return reinterpret_cast<char*>(shared_) + kHeader + size_t(rank) * kRegion + offset;
}

bool World::all_taken() const {
  const uint64_t posted = state(rank_).posted;
  for (int r = 0; r < size_; ++r)
    if (state(r).departed < posted || pair(rank_, r).taken < pair(rank_, r).sent) return false;
  return true;
}

bool World::place(size_t bytes, uint64_t& offset, bool& full) {
  bytes = (bytes + kAlignment - 1) / kAlignment * kAlignment;
  full = bytes > kRegion;
  if (full) return false;
  if (used_ && all_taken()) used_ = 0;
  if (bytes > kRegion - used_) return false;
  if (used_ + bytes > backed_) {
    const uint64_t until = std::min<uint64_t>((used_ + bytes + kStep - 1) / kStep * kStep, kRegion);
    full = posix_fallocate(file_, off_t(kHeader + uint64_t(rank_) * kRegion + backed_),
                           off_t(until - backed_)) != 0;
    if (full) return false;
    backed_ = until;
  }
  offset = used_;
  used_ += bytes;
  return true;
}

bool World::has_died(int rank) const {
  const int process = state(rank).process;
  if (process == 0 || process == getpid()) return false;
  char path[64], text[512];
  std::snprintf(path, sizeof path, "/proc/%d/stat", process);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return errno == ENOENT;
  const ssize_t length = read(file, text, sizeof text - 1);
  close(file);
  if (length <= 0) return true;
  text[length] = 0;
  // "1234 (name) S ...": a name may hold anything. Z: nobody has asked yet how it ended.
  const char* after = std::strrchr(text, ')');
  return after && after[1] == ' ' && (after[2] == 'Z' || after[2] == 'X');
}

}  // namespace emulator::nccl
