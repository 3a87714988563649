#include "ops/cpu/unary.h"

#include "ops/cpu/binary.h"

namespace plait::cpu {

void unary(const char* op, Unary f, const Tensor& out, const Tensor& a, int cost) {
  const DType compute = out.dtype();
  const Loop loop = unary_table().same[static_cast<int>(f)][static_cast<int>(compute)];
  if (__builtin_expect(!loop, 0))
    fail<TypeError>("{}: not defined for dtype {}; convert the argument with .to(dtype)", op, compute);
  const Tensor x = converted(a, compute);
  StridedIter iter;
  iter.output(out);
  iter.input(x);
  iter.build();
  iter.run(loop, nullptr, cost);
}

}  // namespace plait::cpu
