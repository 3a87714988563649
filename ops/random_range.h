// The integers that a dtype holds exactly, from which random_ draws.
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait {

// The one past the largest; of int64, which has none, the largest.
constexpr int64_t end_of_integers(DType dtype) {
  switch (dtype) {
    case DType::Bool: return 2;
    case DType::UInt8: return 256;
    case DType::Int8: return 128;
    case DType::Int16: return 32768;
    case DType::Int32: return int64_t{1} << 31;
    case DType::Float16: return (1 << 11) + 1;
    case DType::BFloat16: return (1 << 8) + 1;
    case DType::Float32: return (1 << 24) + 1;
    case DType::Float64: return (int64_t{1} << 53) + 1;
    default: return INT64_MAX;
  }
}

// The least one, of integers and bool.
constexpr int64_t least_integer(DType dtype) {
  if (dtype == DType::Bool || dtype == DType::UInt8) return 0;
  return dtype == DType::Int64 ? INT64_MIN : -end_of_integers(dtype);
}

}  // namespace plait
