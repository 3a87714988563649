#include "ops/next_float.h"

#include "core/op.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/logical.h"
#include "ops/decl/power.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/math.h"

namespace plait {

void next_16_bit_float(const Tensor& out, const Tensor& self, const Tensor& other) {
  const auto whole = [&](const Tensor& t) {
    return plait::contiguous(plait::expand(plait::_convert(t, out.dtype()), out.sizes()));
  };
  const Tensor a = whole(self), b = whole(other), zero = plait::zeros_like(a);
  // Among numbers of one sign the order is that of the bits, so a step is one more or one less.
  const Tensor away = plait::eq(plait::gt(b, a), plait::gt(a, zero));
  const Tensor step = plait::_convert(away, DType::Int16) * 2 - 1;
  const Tensor moved = plait::view(plait::view(a, DType::Int16) + step, out.dtype());
  const Tensor smallest = plait::view(plait::ones_like(a, DType::Int16), out.dtype());
  const Tensor from_zero = plait::where(plait::eq(a, zero), plait::copysign(smallest, b), moved);
  const Tensor stays = plait::where(plait::eq(a, b), b, from_zero);
  const Tensor is_nan = plait::logical_or(plait::ne(a, a), plait::ne(b, b));
  copy_into(out, plait::where(is_nan, a + b, stays));
}

}  // namespace plait
