// Moving elements between the places of a table that an index names and a list in the order of the index: the
// inner loops of everything that indexes.
#pragma once

#include "core/dtype.h"
#include "ops/cpu/index.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// Two dimensions of a walk, the outer first: for each (i, j) the element at (i, j) of the list, the index
// there, and the table's element `index * step` bytes from its (i, j). All steps are in bytes.
struct Places {
  struct Operand {
    char* data;
    int64_t steps[2];
  };
  int64_t sizes[2];
  Operand list, index, table;  // the index of int64
  int64_t step;                // from one place of the table to the next
  int64_t last;                // the last place; -1 if indices have been checked, and need not be again
  int64_t low, high;           // the places that are visited; indices of others are passed over
  bool all;                    // indices have been checked, and all are visited
};
// False where an index that is not visited does not lie in [0, last]; what comes after it is not done.
using PlacesLoop = bool (*)(const Places&);

struct PlacesTable {
  // Do all lie in [0, size)?
  bool (*inside)(const int64_t* index, int64_t n, int64_t size);
  PlacesLoop gather[5];  // list = table, by the logarithm of an element's size
  PlacesLoop put[5];     // table = list
  PlacesLoop add[kDTypeCount], multiply[kDTypeCount], maximum[kDTypeCount], minimum[kDTypeCount];
};
PLAIT_ISA_TABLE(PlacesTable, places_table)

PlacesLoop gather_loop(DType dtype);
PlacesLoop scatter_loop(DType dtype, Reduce reduce);

}  // namespace plait::cpu
