// Which elements of a row may be among its best: what topk looks at closer.
#pragma once

#include <cstdint>

#include "core/dtype.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

struct Candidates {
  static constexpr int64_t kRun = 32;  // elements that are looked at together
  int64_t begin;                       // of the run, or where less than a run is left
  uint32_t which;                      // a bit for each of its elements; 0: there are none
};

struct SelectTable {
  // The next run before `end` with elements that are not below `worst`, or, of the smallest, not above it.
  // NaN counts. Null for other dtypes than numbers of C++.
  Candidates (*next[kDTypeCount])(const void* x, int64_t begin, int64_t end, const void* worst, bool largest);
};
PLAIT_ISA_TABLE(SelectTable, select_table)

}  // namespace plait::cpu
