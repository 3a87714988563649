// Kernels that only move elements need their size, not their type.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cpu {

struct Bits128 {
  uint64_t low, high;
};

// Calls f.template operator()<U>() with an unsigned type of the size of dtype's elements.
template <class F>
decltype(auto) visit_size(DType dtype, F&& f) {
  switch (itemsize(dtype)) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    case 8: return f.template operator()<uint64_t>();
    default: return f.template operator()<Bits128>();
  }
}

}  // namespace plait::cpu
