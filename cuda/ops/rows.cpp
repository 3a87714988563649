#include "cuda/ops/rows.h"

#include "cuda/ops/elementwise.h"

namespace plait::cuda {

Tensor as_strided_rows(const Tensor& self, int64_t n, int64_t* stride) {
  *stride = n;
  if (self.is_contiguous()) return self;
  const Dims &sizes = self.sizes(), &strides = self.strides();
  int d = sizes.size() - 1;
  int64_t step = 1;  // the next dimension's stride, if it continues
  for (; d >= 0 && step < n; --d) {
    if (sizes[d] != 1 && strides[d] != step) return contiguous(self);
    step *= sizes[d];
  }
  if (step != n) return contiguous(self);
  bool found = false;  // the innermost of the rows' dimensions
  for (; d >= 0; --d) {
    if (sizes[d] == 1) continue;
    if (!found)
      *stride = step = strides[d];
    else if (strides[d] != step)
      return *stride = n, contiguous(self);
    found = true;
    step *= sizes[d];
  }
  return self;
}

}  // namespace plait::cuda
