// Numbers that tensors of integers are filled with.
#pragma once

#include <cmath>

#include "core/tensor.h"

namespace plait::op {

// The whole part of a number must be one of the dtype's where that is of integers. Negative ones wrap round
// in uint8, as in C.
inline void check_number_fits(const char* who, const Scalar& number, DType dtype) {
  if (!is_integral(dtype) || number.is_complex()) return;
  const double whole = std::trunc(number.to<double>());
  const bool fits = number.is_integral()
                        ? number.fits(dtype)
                        : std::abs(whole) < 0x1p63 && Scalar(static_cast<int64_t>(whole)).fits(dtype);
  check(fits || (dtype == DType::UInt8 && whole < 0 && whole > -256),
        "{}: the value {} does not fit into dtype {}", who, number.to<double>(), dtype);
}
inline void check_number_fits(const char* who, const Tensor& value, DType dtype) {
  if (value.is_wrapped_number() && is_integral(dtype)) check_number_fits(who, item(value), dtype);
}

}  // namespace plait::op
