#include "ops/reduce_common.h"
#include "ops/decl/compare.h"
#include "ops/decl/reduce.h"
#include "ops/decl/view.h"

namespace plait::reduction {

DimMask mask_of(const char* op, MaybeDims dim, int64_t ndim) {
  if (!dim || dim->empty()) return all_dims(ndim);
  DimMask mask = 0;
  for (const int64_t d : *dim) {
    const int wrapped = wrap_dim(d, ndim, op);
    if (ndim == 0) continue;
    check<RuntimeError>(!(mask >> wrapped & 1),
                        "{}: dimension {} appears more than once in dim={}; name each dimension once", op,
                        wrapped, *dim);
    mask |= DimMask{1} << wrapped;
  }
  return mask;
}

Dims reduced_sizes(const Dims& sizes, DimMask mask, bool keepdim) {
  if (!keepdim && mask == all_dims(sizes.size())) return Dims();
  Dims result(keepdim ? sizes.size() : sizes.size() - std::popcount(mask), 1);
  for (int i = 0, j = 0; i < sizes.size(); ++i) {
    const bool reduced = mask >> i & 1;
    if (!reduced) result[j] = sizes[i];
    if (!reduced || keepdim) ++j;
  }
  return result;
}

int64_t reduced_numel(const Dims& sizes, DimMask mask) {
  int64_t n = 1;
  for (int i = 0; i < sizes.size(); ++i)
    if (mask >> i & 1) n *= sizes[i];
  return n;
}

Tensor keep_dims(const Tensor& result, const Dims& sizes, DimMask mask) {
  if (result.dim() == sizes.size()) return result;
  return plait::reshape(result, reduced_sizes(sizes, mask, true));
}

Tensor expand_to(const Tensor& result, const Dims& sizes, DimMask mask) {
  return plait::expand(keep_dims(result, sizes, mask), sizes);
}

void check_not_empty(const char* op, const Tensor& self, DimMask mask) {
  if (__builtin_expect(self.numel() != 0, 1)) return;
  for (int i = 0; i < self.dim(); ++i)
    check<IndexError>(!(mask >> i & 1) || self.sizes()[i] != 0,
                      "{}: dimension {} of self, of shape {}, is empty and the reduction has no identity; "
                      "reduce a dimension that "
                      "has elements",
                      op, i, self.sizes());
}

Tensor shared_gradient(const Tensor& grad, const Tensor& self, const Tensor& result, DimMask mask) {
  const Dims& sizes = self.sizes();
  const Tensor value = keep_dims(result, sizes, mask);
  const Tensor chosen =
      plait::logical_or(plait::eq(self, value), plait::logical_and(plait::isnan(self), plait::isnan(value)));
  Dims dims;
  for (int i = 0; i < sizes.size(); ++i)
    if (mask >> i & 1) dims.push_back(i);
  const Tensor count = plait::sum(chosen, IntSpan(dims), true, std::nullopt);
  return keep_dims(grad, sizes, mask) / count * chosen;
}

}  // namespace plait::reduction
