#include "ops/cpu/compare.h"

namespace plait::cpu {

DType compare_dtype(const Tensor& a, const Tensor& b) {
  const DType promoted = result_type(a, b);
  if (promoted >= DType::Int64 || promoted == DType::Bool) return promoted;
  for (const Tensor* t : {&a, &b})
    if (t->is_wrapped_number() && !item(*t).fits(promoted)) return DType::Int64;
  return promoted;
}

}  // namespace plait::cpu
