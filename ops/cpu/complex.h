// Complex numbers to real ones and back; powers.
#pragma once

#include "ops/cpu/pointwise.h"

namespace plait::cpu {

void modulus(const Tensor& out, const Tensor& z);
void argument(const Tensor& out, const Tensor& z);
void join_parts(const Tensor& out, const Tensor& real, const Tensor& imag);
Loop complex_power_loop(DType dtype);

}  // namespace plait::cpu
