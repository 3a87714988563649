// Adding rows at given places, or from given places: the inner loops.
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
// out[c] = the sum of table[index[j]][c] over j < count, times factors[j] unless these are null, for c <
// width.
struct SumRows {
  char* out;
  const char* table;
  const int64_t* index;
  const char* factors;
  int64_t count, width;
};
struct AddRowsTable {
  void (*add[kDTypeCount])(const AddRows&);
  void (*sum[kDTypeCount])(const SumRows&);  // floats
};
PLAIT_ISA_TABLE(AddRowsTable, add_rows_table)

}  // namespace plait::cpu
