#include "racecheck.h"

#include <link.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>

#include "device.h"
#include "emulator/threads.h"
#include "racecheck_bounds.h"
#include "racecheck_report.h"
#include "racecheck_shadow.h"

// Note [Race detector]
//
// g++ -fsanitize=thread puts a call before each access of memory that others may see. Those calls come here
// (racecheck_hooks.cpp), not to libtsan: what orders the threads of a GPU is known to nobody else, and the
// order in which the emulator runs them says nothing.
//
// Time. A launch's blocks run one after another, and the threads of a block pass each barrier together, so
// one number, the epoch, tells block and barrier interval of an access. Within an epoch only the lanes of a
// warp can be ordered, by the functions in which they meet: a warp counts its meetings, an access is stamped
// with the count, and each lane knows up to which stamp it has seen what each other lane did.
//
// Ordered are accesses of one thread; those of one block in different epochs; those of one warp's lanes that
// have met in between, directly or through others; those of different blocks where the earlier one's thread,
// or somebody after a barrier, has fenced and done an atomic operation on a word on which later one of the
// other block does one too (the pattern of the last block). Everything else races, unless both are reads or
// both are atomic, or both are writes that leave the same bytes. A new block's shared memory is fresh:
// accesses of earlier epochs do not count there at all.
//
// Nothing is cleared between epochs, blocks and launches: older epochs are recognised as such.
//
// The same calls tell what is touched outside of all blocks of device memory, or behind the dynamic shared
// memory: reads, too, which change nothing that could be found later.
namespace emulator::racecheck {

thread_local bool active = false;
bool present = false;

namespace {

constexpr unsigned kLanes = 32;
constexpr unsigned kMostThreads = kMaxThreadsPerBlock;
constexpr uint32_t kLastEpoch = 0xC0000000u;  // beyond it memory of all accesses is wiped before a launch
constexpr size_t kMostChunks = 64;            // of cells that are kept after a launch: 1 GiB
constexpr size_t kMostSplits = 1 << 20;       // likewise: 250 MiB
constexpr size_t kMostCompared = sizeof(uint64_t) * 8;  // bytes of a write whose value is looked at

// What the lanes of a warp know of each other, in this epoch.
struct Clock {
  uint32_t epoch = 0;
  uint32_t now = 0;   // meetings so far
  uint32_t full = 0;  // all lanes have seen what all did before this
  uint32_t seen[kLanes][kLanes];
};

// A thread has made known what happened before: its own accesses up to this epoch, the block's before it.
struct Release {
  uint32_t start, epoch;  // the block's first
  uint32_t rank;
};
// A thread has learnt of the first `count` of these.
struct Acquisition {
  const std::vector<Release>* releases;
  size_t count;
  uint32_t epoch, rank;
};

struct State {
  Launch launch = {};
  uint32_t epoch = 0, launch_first = 1, block_first = 1;
  std::vector<uint32_t> starts;  // the first epoch of each block that has run
  Clock clocks[kMostThreads / kLanes];

  std::vector<Region> regions;
  size_t last = 0;
  std::vector<Split> splits;
  size_t splits_used = 0;

  uint32_t fenced[kMostThreads] = {};  // the first epoch of the block in which the thread fenced last
  std::unordered_map<uintptr_t, std::vector<Release>> releases;
  std::vector<Acquisition> acquisitions;

  // A write over another thread's: whether it leaves the same bytes is known when it is done.
  struct {
    uint64_t bytes = 0;  // a bit for each; 0: there is none
    uintptr_t address;
    unsigned char old[kMostCompared];
    Record record;
    Finding finding;
  } pending;
};
State& state() {
  static State& it = *new State;
  return it;
}
State& s = state();

// --- Order
// ----------------------------------------------------------------------------------------------------------------

bool have_met(const Record& record) {
  const Clock& clock = s.clocks[thread_rank / kLanes];
  return clock.epoch == s.epoch &&
         record.stamp() < std::max(clock.full, clock.seen[thread_rank % kLanes][record.rank() % kLanes]);
}

bool is_known_through_atomics(const Record& record) {
  for (const Acquisition& it : s.acquisitions) {
    if (s.epoch == it.epoch && thread_rank != it.rank) continue;
    const auto end = it.releases->begin() + static_cast<ptrdiff_t>(it.count);
    auto release = std::lower_bound(it.releases->begin(), end, record.epoch,
                                    [](const Release& r, uint32_t epoch) { return r.epoch < epoch; });
    for (; release != end && release->start <= record.epoch; ++release)
      if (record.epoch < release->epoch || record.rank() == release->rank) return true;
  }
  return false;
}

// Whether what the running thread does now comes after an access of this launch.
bool is_ordered_in_launch(const Record& record) {
  if (record.epoch == s.epoch)
    return record.rank() == thread_rank ||
           (record.rank() / kLanes == thread_rank / kLanes && have_met(record));
  return record.epoch >= s.block_first || (!s.acquisitions.empty() && is_known_through_atomics(record));
}

// Accesses before the epoch `floor` do not count.
bool is_ordered(const Record& record, uint32_t floor) {
  return record.epoch < floor || is_ordered_in_launch(record);
}

// --- Histories
// ----------------------------------------------------------------------------------------------------------

void keep(Record (&kept)[2], const Record& now, uint32_t floor) {
  if (is_ordered(kept[0], floor)) {
    kept[0] = now;
  } else if (is_ordered(kept[1], floor)) {
    kept[1] = now;
  } else if (kept[0].epoch >= s.block_first && kept[0].rank() / kLanes == kept[1].rank() / kLanes) {
    // Two lanes of this block's one warp. One of another warp is worth more than the second: with it,
    // whoever comes races with one of the two. So is a later one.
    kept[1] = now;
  }
}

struct Verdict {
  const Record* record = nullptr;  // it races with this one
  Access access = Access::Read;
};

// What races with the access, and what is remembered of it from now on. `earlier` holds what was remembered.
Verdict add(History& history, Record& earlier, const Record& now, Access access, uint32_t floor) {
  Verdict verdict;
  const auto against = [&](const Record& record, Access other) {
    if (verdict.record || is_ordered(record, floor)) return;
    earlier = record;
    verdict = {&earlier, other};
  };
  if (access != Access::Read)
    for (const Record& record : history.reads) against(record, Access::Read);
  if (access != Access::Atomic)
    for (const Record& record : history.atomics) against(record, Access::Atomic);
  against(history.write, Access::Write);
  switch (access) {
    case Access::Read: keep(history.reads, now, floor); break;
    case Access::Atomic: keep(history.atomics, now, floor); break;
    case Access::Write: history = {now, {}, {}}; break;
  }
  return verdict;
}

Split* find_split(const Cell& cell) {
  if (cell.split >= s.splits_used) return nullptr;
  Split& split = s.splits[cell.split];
  return split.owner == &cell ? &split : nullptr;
}

Split& split(Cell& cell) {
  if (Split* there = find_split(cell)) return *there;
  cell.split = static_cast<uint32_t>(s.splits_used++);
  if (s.splits_used > s.splits.size()) s.splits.resize(std::max<size_t>(1024, 2 * s.splits.size()));
  Split& made = s.splits[cell.split];
  made.owner = &cell;
  std::fill(made.bytes, made.bytes + kCellBytes, cell.history);
  return made;
}

uint32_t stamp() {
  const Clock& clock = s.clocks[thread_rank / kLanes];
  return clock.epoch == s.epoch ? clock.now : 0;
}

// Looks at the bytes [address, address + bytes), which lie in the region.
void note_in(Region& region, uintptr_t address, size_t bytes, Access access, const void* code) {
  const uint32_t floor = region.is_shared() ? s.epoch : s.launch_first;
  const Record now = {s.epoch, thread_rank << kStampBits | stamp(), code_of(code)};
  uint64_t over = 0;  // bytes that others wrote: harmless where they are not changed
  Record overwritten;
  const auto judge = [&](History& history, size_t at, size_t length) {
    Record earlier;
    const Verdict verdict = add(history, earlier, now, access, floor);
    if (!verdict.record) return;
    if (access == Access::Write && verdict.access == Access::Write && bytes <= kMostCompared) {
      over |= (length == 64 ? ~0ull : (1ull << length) - 1) << at;
      overwritten = earlier;
      return;
    }
    report({&region, address + at, bytes, access, code, verdict.access}, earlier);
  };
  for (size_t at = 0; at < bytes;) {
    const size_t first = (address + at - region.base()) % kCellBytes;
    const size_t length = std::min(kCellBytes - first, bytes - at);
    Cell& cell = region.cell(address + at);
    Split* pieces = find_split(cell);
    if (!pieces && length != kCellBytes) pieces = &split(cell);
    if (!pieces) {
      judge(cell.history, at, length);
    } else {
      for (size_t i = 0; i < length; ++i) judge(pieces->bytes[first + i], at + i, 1);
    }
    at += length;
  }
  if (!over) return;
  s.pending.bytes = over;
  s.pending.address = address;
  s.pending.record = overwritten;
  s.pending.finding = {&region, address + size_t(__builtin_ctzll(over)), bytes, access, code, Access::Write};
  std::memcpy(s.pending.old, reinterpret_cast<const void*>(address), bytes);
}

void settle_pending() {
  const auto* now = reinterpret_cast<const unsigned char*>(s.pending.address);
  uint64_t left = s.pending.bytes;
  s.pending.bytes = 0;
  for (; left; left &= left - 1) {
    const int i = __builtin_ctzll(left);
    if (now[i] == s.pending.old[i]) continue;
    report(s.pending.finding, s.pending.record);
    return;
  }
}

// An atomic operation on device memory, after it was noted.
void synchronize(uintptr_t address) {
  const bool fenced = s.fenced[thread_rank] == s.block_first;
  auto found = s.releases.find(address);
  if (found == s.releases.end()) {
    if (!fenced) return;
    found = s.releases.try_emplace(address).first;
  }
  std::vector<Release>& releases = found->second;
  if (!releases.empty() && releases.front().start != s.block_first) {
    Acquisition* known = nullptr;
    for (Acquisition& it : s.acquisitions)
      if (it.releases == &releases) known = &it;
    if (!known) s.acquisitions.push_back({&releases, releases.size(), s.epoch, thread_rank});
  }
  if (!fenced) return;
  const Release release = {s.block_first, s.epoch, thread_rank};
  if (releases.empty() || releases.back().epoch != release.epoch || releases.back().rank != release.rank)
    releases.push_back(release);
}

Region* find_region(uintptr_t address) {
  for (size_t i = 0; i < s.regions.size(); ++i) {
    if (!s.regions[i].contains(address)) continue;
    s.last = i;
    return &s.regions[i];
  }
  return nullptr;
}

bool is_watched(uintptr_t base) {
  return std::any_of(s.regions.begin(), s.regions.end(),
                     [&](const Region& region) { return region.base() == base; });
}

void forget_all() {
  for (Region& region : s.regions) region.clear();
  for (Clock& clock : s.clocks) clock.epoch = 0;
  std::fill(s.fenced, s.fenced + kMostThreads, 0);
  s.epoch = 0;
}

}  // namespace

void add_library(const void* code) {
  const auto visit = [](dl_phdr_info* info, size_t, void* wanted) {
    const auto address = reinterpret_cast<uintptr_t>(wanted);
    const auto inside = [&](const ElfW(Phdr) & part) {
      return part.p_type == PT_LOAD && address - (info->dlpi_addr + part.p_vaddr) < part.p_memsz;
    };
    const ElfW(Phdr)* end = info->dlpi_phdr + info->dlpi_phnum;
    if (std::none_of(info->dlpi_phdr, end, inside)) return 0;
    size_t size = 0;
    for (const ElfW(Phdr)* part = info->dlpi_phdr; part != end; ++part) {
      if (part->p_type != PT_LOAD) continue;
      size = std::max<size_t>(size, part->p_vaddr + part->p_memsz);
      const uintptr_t base = info->dlpi_addr + part->p_vaddr;
      if (part->p_flags & PF_W && !is_watched(base))
        s.regions.emplace_back(Region::Kind::Static, 0, base, part->p_memsz);
    }
    add_code(info->dlpi_addr, size);
    return 1;
  };
  dl_iterate_phdr(visit, const_cast<void*>(code));
  present = true;
}

void begin_launch(const Launch& launch) {
  s.launch = launch;
  if (s.epoch > kLastEpoch) forget_all();
  s.launch_first = s.epoch + 1;
  s.starts.clear();
  s.releases.clear();
  s.splits_used = 0;
  if (s.splits.size() > kMostSplits) s.splits = {};
  s.pending.bytes = 0;
  if (const auto shared = reinterpret_cast<uintptr_t>(launch.shared); !is_watched(shared))
    s.regions.emplace_back(Region::Kind::Dynamic, 0, shared, kSharedPerBlockOptin);
  for (int i = 0; i < device_count(); ++i) {
    const Arena& arena = emulator::device(i).arena;
    if (const auto base = reinterpret_cast<uintptr_t>(arena.base); base && !is_watched(base))
      s.regions.emplace_back(Region::Kind::Device, i, base, arena.reserved);
  }
  begin_findings(launch);
  begin_bounds(launch.shared_bytes);
  active = true;
}

void begin_block() {
  s.block_first = ++s.epoch;
  s.starts.push_back(s.epoch);
  s.acquisitions.clear();
}

void end_launch() {
  active = false;
  s.pending.bytes = 0;
  size_t chunks = 0;
  for (const Region& region : s.regions) chunks += region.chunks();
  if (chunks > kMostChunks)
    for (Region& region : s.regions) region.clear();
}

void meet_block() {
  if (active) ++s.epoch;
}

void meet_lanes(unsigned warp, unsigned who) {
  if (!active) return;
  Clock& clock = s.clocks[warp];
  if (clock.epoch != s.epoch) {
    clock.epoch = s.epoch;
    clock.now = clock.full = 0;
    std::memset(clock.seen, 0, sizeof clock.seen);
  }
  if (clock.now == kLastStamp) {  // no more room for stamps: the rest of the launch goes unwatched
    active = false;
    return;
  }
  ++clock.now;
  if (who == ~0u) {
    clock.full = clock.now;
    return;
  }
  uint32_t joined[kLanes] = {};
  for (unsigned left = who; left; left &= left - 1) {
    const uint32_t* seen = clock.seen[__builtin_ctz(left)];
    for (unsigned i = 0; i < kLanes; ++i) joined[i] = std::max(joined[i], seen[i]);
  }
  for (unsigned left = who; left; left &= left - 1) joined[__builtin_ctz(left)] = clock.now;
  for (unsigned left = who; left; left &= left - 1)
    std::memcpy(clock.seen[__builtin_ctz(left)], joined, sizeof joined);
}

void stop_thread() {
  if (s.pending.bytes) settle_pending();
}

void note(const void* pointer, size_t bytes, Access access, const void* code) {
  const auto address = reinterpret_cast<uintptr_t>(pointer);
  Region* region = &s.regions[s.last];
  if (!region->contains(address) && !(region = find_region(address))) return;
  if (s.pending.bytes) settle_pending();
  if (!is_inside(*region, address, bytes)) report_outside({region, address, bytes, access, code, access});
  note_in(*region, address, std::min(bytes, region->bytes() - (address - region->base())), access, code);
  if (access == Access::Atomic && !region->is_shared()) synchronize(address);
}

void note_fence() { s.fenced[thread_rank] = s.block_first; }

Position position_of(const Record& record) {
  const dim3 grid = s.launch.grid, block = s.launch.block;
  const unsigned rank = record.rank();
  const auto after = std::upper_bound(s.starts.begin(), s.starts.end(), record.epoch);
  uint64_t number = static_cast<uint64_t>(after - s.starts.begin()) - 1;
  if (s.launch.blocks_reversed) number = uint64_t(grid.x) * grid.y * grid.z - 1 - number;
  Position it;
  it.block = {unsigned(number % grid.x), unsigned(number / grid.x % grid.y),
              unsigned(number / grid.x / grid.y)};
  it.thread = {rank % block.x, rank / block.x % block.y, rank / block.x / block.y};
  it.same_block = record.epoch >= s.block_first;
  it.same_warp = it.same_block && rank / kLanes == thread_rank / kLanes;
  return it;
}

}  // namespace emulator::racecheck
