// Adding rows at given places: the inner loops.
#pragma once

#include "core/dtype.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// out[index[j]][c] += src[j][c] for every j whose index lies in [low, high) and c in [begin, end); rows are
// `slab` elements long.
struct AddRows {
  char* out;
  const char* src;
  const int64_t* index;
  int64_t count, low, high, begin, end, slab;
};
struct AddRowsTable {
  void (*add[kDTypeCount])(const AddRows&);
};
PLAIT_ISA_TABLE(AddRowsTable, add_rows_table)

}  // namespace plait::cpu
