#include "ops/cpu/ternary.h"

#include <bit>

namespace plait::cpu {

void where(const Tensor& out, const Tensor& condition, const Tensor& a, const Tensor& b) {
  const Tensor x = converted(a, out.dtype()), y = converted(b, out.dtype());
  StridedIter iter;
  iter.output(out);
  iter.input(condition);
  iter.input(x);
  iter.input(y);
  iter.build();
  iter.run(ternary_table().where[std::countr_zero(static_cast<uint64_t>(itemsize(out.dtype())))]);
}

}  // namespace plait::cpu
