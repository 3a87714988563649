// What the ops over x @ weight.T + bias share.
#pragma once

#include "core/tensor.h"

namespace plait {
struct Vjp;

namespace op {

// All but the last dimension as one: (..., n) -> (m, n).
Tensor as_rows(const Tensor& x);

// The derivatives of an op whose first arguments are self, weight (out, in) and bias, from the gradient of
// self @ weight.T + bias.
void linear_vjp(Vjp& v, const Tensor& sums);

}  // namespace op
}  // namespace plait
