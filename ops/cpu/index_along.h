// Reading and adding at indices along a contiguous last dimension: the inner loops. They check the indices as
// they go.
#pragma once

#include "core/dtype.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

struct AlongTable {
  // Do all lie in [0, size)?
  bool (*inside)(const int64_t* index, int64_t n, int64_t size);
  // out[i] = row[index[i] * step], by the logarithm of an element's size; `step` in elements. False, and the
  // rest not done, where an index does not lie in [0, size).
  bool (*gather[5])(void* out, const int64_t* index, int64_t n, const void* row, int64_t size, int64_t step);
  // out[index[i]] += src[i]; false likewise.
  bool (*add[kDTypeCount])(void* out, const int64_t* index, int64_t n, const void* src, int64_t size);
};
PLAIT_ISA_TABLE(AlongTable, along_table)

}  // namespace plait::cpu
