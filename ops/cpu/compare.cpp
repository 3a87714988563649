#include "ops/cpu/compare.h"

#include "ops/cpu/convert.h"

namespace plait::cpu {

DType compare_dtype(const Tensor& a, const Tensor& b) {
  const DType promoted = result_type(a, b);
  if (promoted >= DType::Int64 || promoted == DType::Bool) return promoted;
  for (const Tensor* t : {&a, &b})
    if (t->is_wrapped_number() && !item(*t).fits(promoted)) return DType::Int64;
  return promoted;
}

void test(const char* op, Test f, const Tensor& out, const Tensor& a) {
  const DType d = a.dtype();
  const bool same_for_all =
      f == Test::Negative ? d == DType::Bool || d == DType::UInt8 : is_integral(d, true) && f != Test::Not;
  if (same_for_all) return copy(out, scalar_tensor(f == Test::Finite, DType::Bool));
  pointwise(op, test_table().at(f, d), out, a, d);
}

}  // namespace plait::cpu
