// Sums of the rows of a table that an index names: the inner loops of embedding_bag.
#pragma once

#include "core/dtype.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// out[c] = the sum of table[index[j]][c] over j < count, times factors[j] unless these are null, for c <
// width.
struct SumRows {
  char* out;
  const char* table;
  const int64_t* index;
  const char* factors;
  int64_t count, width;
};
struct SumRowsTable {
  void (*sum[kDTypeCount])(const SumRows&);  // floats
};
PLAIT_ISA_TABLE(SumRowsTable, sum_rows_table)

}  // namespace plait::cpu
