// The ends of the dtypes' ranges.
#pragma once

#include <limits>

#include "core/tensor.h"

namespace plait::op {

// The largest finite number of a dtype of floats.
inline double largest_number(DType dtype) {
  switch (dtype) {
    case DType::Float16: return 65504.0;
    case DType::BFloat16: return 0x1.fep127;
    case DType::Float32: return std::numeric_limits<float>::max();
    default: return std::numeric_limits<double>::max();
  }
}

}  // namespace plait::op
