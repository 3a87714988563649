#include "racecheck_shadow.h"

#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>

namespace emulator::racecheck {

Region::Region(Kind kind, int device, uintptr_t base, size_t bytes)
    : kind_(kind),
      device_(device),
      base_(base),
      bytes_(bytes) {
  // The cells of the last, partial chunk too.
  chunks_ = std::make_unique<Cell*[]>(bytes / kCellBytes / kChunk + 1);
}

Cell* Region::make_chunk() {
  void* memory = mmap(nullptr, kChunk * sizeof(Cell), PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    std::perror("CUDA emulator: no memory for the race detector");
    std::abort();
  }
  made_.push_back(static_cast<Cell*>(memory));
  return made_.back();
}

void Region::clear() {
  if (made_.empty()) return;
  for (Cell* chunk : made_) munmap(chunk, kChunk * sizeof(Cell));
  made_.clear();
  std::fill_n(chunks_.get(), bytes_ / kCellBytes / kChunk + 1, nullptr);
}

}  // namespace emulator::racecheck
