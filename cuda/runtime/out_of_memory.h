// What the allocator says when memory is out, and what of it needs the names of ops and lines.
#pragma once

#include <string>
#include <vector>

#include "cuda/runtime/block.h"

namespace plait::cuda {

// What is known of a block, copied under the allocator's lock and put into words outside of it.
struct BlockNote {
  size_t size = 0;
  const char* op = nullptr;
  CallSite site;
  int dims = -1;
  DType dtype = DType::UInt8;
  int64_t sizes[Block::kNotedDims] = {};

  BlockNote() = default;
  explicit BlockNote(const Block& block);
  bool same_origin(const BlockNote& other) const;
  std::string shape_text() const;  // "(8, 1024) float32"; empty where unknown
  std::string line_text() const;   // "train.py:12 in step"; takes the GIL
};

struct MemoryReport {
  int device = 0;
  size_t requested = 0, segment = 0;  // what was asked for, and what would have come from the device for it
  int64_t live = 0, pending = 0, reserved = 0, split = 0, in_private_pools = 0;
  size_t largest_free = 0, free = 0, total = 0;
  double fraction = 1;
  size_t limit = SIZE_MAX;
  bool capturing = false;
  std::vector<BlockNote> large;  // live blocks above 1 MiB
  size_t small_bytes = 0;
  int64_t small_count = 0;

  void add_live(const Block& block);
};

[[noreturn]] void throw_out_of_memory(const MemoryReport& report);

struct SegmentReport {
  SegmentInfo info;
  std::vector<BlockNote> notes;  // one a block
};

std::string bytes_text(size_t bytes);  // "1.50 GiB"

}  // namespace plait::cuda
