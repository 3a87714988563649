// Numbers that multiply a term: alpha of add, value of addcmul.
#pragma once

#include "core/error.h"
#include "core/scalar.h"

namespace plait::op {

// A fraction, or a complex number, wants a result that can hold one. (-1 goes with uint8, in which it wraps.)
inline void check_factor(const char* op, const char* name, const Scalar& value, DType result) {
  if (value.is_complex())
    check<TypeError>(is_complex(result), "{}: {} must not be complex for a result of dtype {}", op, name,
                     result);
  else
    check<TypeError>(!value.is_floating() || !is_integral(result, true),
                     "{}: {} must not be a float for a result of dtype {}", op, name, result);
}

// A number as a factor that leaves the dtype as it is: in bool all but 0 are 1.
inline Scalar as_factor(const Scalar& value, DType dtype) {
  return dtype == DType::Bool ? Scalar(!value.equals(0)) : value;
}

}  // namespace plait::op
