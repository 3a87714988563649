// Complex numbers to real ones and back; powers.
#pragma once

#include "ops/cpu/pointwise.h"

namespace plait::cpu {

// Of complex64 and complex128.
struct ComplexParts {
  Loop modulus[2], argument[2], join[2];
};
PLAIT_ISA_TABLE(ComplexParts, complex_parts)

void modulus(const Tensor& out, const Tensor& z);
void argument(const Tensor& out, const Tensor& z);
void join_parts(const Tensor& out, const Tensor& real, const Tensor& imag);
Loop complex_power_loop(DType dtype);

}  // namespace plait::cpu
