#include "racecheck_bounds.h"

#include <iterator>

#include "device.h"

namespace emulator::racecheck {

namespace {

struct Span {
  uintptr_t base = 0;
  size_t bytes = 0;
  bool holds(uintptr_t address, size_t count) const {
    return address - base < bytes && count <= bytes - (address - base);
  }
};

constexpr unsigned kKnown = 4;  // a kernel mostly goes to and fro between few blocks
Span known[kKnown];
unsigned next_known = 0;
size_t dynamic_bytes = 0;

}  // namespace

void begin_bounds(size_t shared_bytes) {
  for (Span& span : known) span = {};
  dynamic_bytes = shared_bytes;
}

bool is_inside(const Region& region, uintptr_t address, size_t bytes) {
  if (region.kind() == Region::Kind::Static) return true;
  if (region.kind() == Region::Kind::Dynamic) return Span{region.base(), dynamic_bytes}.holds(address, bytes);
  for (const Span& span : known)
    if (span.holds(address, bytes)) return true;
  const auto& live = device(region.device()).arena.live;
  const auto after = live.upper_bound(reinterpret_cast<char*>(address));
  if (after == live.begin()) return false;
  const auto& [block, size] = *std::prev(after);
  const Span span{reinterpret_cast<uintptr_t>(block), size};
  if (!span.holds(address, bytes)) return false;
  known[next_known++ % kKnown] = span;
  return true;
}

}  // namespace emulator::racecheck
