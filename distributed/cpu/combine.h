// How elements of two ranks are combined: by plait's own ops, so that every dtype means what it means there.
#pragma once

#include "distributed/cpu/wire.h"

namespace plait::distributed {

// Raises where a reduction has no meaning for a dtype.
void check_reduction(std::string_view who, Reduction reduction, DType dtype);
// into[i] = into[i] (reduction) from[i]; an average is summed here, and divided by finish().
void combine(char* into, const char* from, size_t numel, DType dtype, Reduction reduction);
void finish(char* into, size_t numel, DType dtype, Reduction reduction, int ranks);

}  // namespace plait::distributed
