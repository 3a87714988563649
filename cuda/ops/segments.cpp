// Reductions of segments: each element is combined with the result at the number of its segment.
#include "ops/decl/segments.h"
#include "ops/decl/embedding.h"
#include "ops/decl/embedding_bag.h"
#include "ops/decl/reduce.h"

#include "core/context.h"
#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/create.h"
#include "ops/decl/create_range.h"
#include "ops/decl/index.h"
#include "ops/decl/join.h"
#include "ops/decl/logical.h"
#include "ops/decl/scatter_reduce.h"
#include "ops/decl/search.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/math.h"

namespace plait::cuda {
namespace {

// The number of the segment that each element of `sizes` is in along `axis`; of those in none, one more.
Tensor segment_of(const Tensor& offsets, const Dims& sizes, int64_t axis) {
  const int64_t count = offsets.size(-1) - 1;
  const auto d = static_cast<int>(axis);
  Dims lead, spread;
  for (int i = 0; i <= d; ++i) lead.push_back(sizes[i]);
  spread = lead;
  for (int i = d + 1; i < sizes.size(); ++i) spread.push_back(1);
  const Tensor places = plait::expand(plait::arange(Scalar(sizes[d]), DType::Int64, offsets.device()), lead);
  const Tensor number = plait::searchsorted(contiguous(offsets), contiguous(places), false, true) - Scalar(1);
  const Tensor outside =
      plait::logical_or(plait::lt(number, wrapped_scalar(0)), plait::ge(number, wrapped_scalar(count)));
  return plait::expand(plait::reshape(plait::masked_fill(number, outside, wrapped_scalar(count)), spread),
                       sizes);
}

CudaKernel reduce_kernel(op::_reduce_segments, [](const Tensor& out, const Tensor& self,
                                                  const Tensor& offsets, int64_t axis, std::string_view how,
                                                  double initial) {
  const auto d = static_cast<int>(axis < 0 ? axis + self.dim() : axis);
  Dims sizes(out.sizes());
  ++sizes[d];
  const Tensor start = plait::full(sizes, initial, out.dtype(), out.device());
  const Tensor result =
      plait::scatter_reduce(start, d, segment_of(offsets, self.sizes(), d), self, how, true);
  copy_on_device(out, plait::narrow(result, d, 0, out.sizes()[d]));
});

CudaKernel spread_kernel(op::_segment_spread, [](const Tensor& out, const Tensor& self, const Tensor& offsets,
                                                 int64_t axis, int64_t) {
  const auto d = static_cast<int>(axis < 0 ? axis + self.dim() : axis);
  Dims one(self.sizes());
  one[d] = 1;
  const Tensor none = plait::zeros(one, self.dtype(), self.device());
  const Tensor both[] = {self, none};
  copy_on_device(out, plait::gather(plait::cat(both, d), d, segment_of(offsets, out.sizes(), d)));
});

CudaKernel embedding_bag_kernel(op::_embedding_bag, [](const Tensor& out, const Tensor& weight,
                                                       const Tensor& indices, const Tensor& starts,
                                                       const Tensor& factors, bool) {
  if (out.numel() == 0) return;
  Tensor rows = plait::embedding(weight, indices, std::nullopt, false, false);
  if (factors.defined()) rows = rows * plait::unsqueeze(factors, -1);
  copy_on_device(out, starts.defined() ? plait::_reduce_segments(rows, starts, 0, "sum", 0)
                                       : plait::sum(rows, IntSpan(Dims{1}), false, std::nullopt));
});

}  // namespace
}  // namespace plait::cuda
