// Histograms of points: the number of each point's box, then a sum at these numbers.
#include "ops/decl/histograms.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/compare.h"
#include "ops/decl/create.h"
#include "ops/decl/index_write.h"
#include "ops/decl/logical.h"
#include "ops/decl/search.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/histograms.h"
#include "ops/math.h"

namespace plait::cuda {
namespace {

CudaDirect histogram_kernel(op::_histogram, [](const Tensor& self, TensorList edges, const Tensor& weight) {
  const Dims sizes = histograms::checked_boxes(self, edges, weight);
  NoGrad guard;
  const DType dtype = is_reduced_float(self.dtype()) ? DType::Float32 : self.dtype();
  const Tensor points = converted(self, dtype);
  Tensor at = plait::zeros(Dims{self.size(0)}, DType::Int64, self.device()),
         counts = plait::ones(Dims{self.size(0)}, DType::Bool, self.device());
  int64_t boxes = 1;
  for (int d = 0; d < sizes.size(); ++d) {
    const Tensor x = contiguous(plait::select(points, 1, d)),
                 own = converted(edges[static_cast<size_t>(d)], dtype);
    const Tensor last = wrapped_scalar(sizes[d] - 1), zero = wrapped_scalar(int64_t{0});
    // A bin has its left edge; the last one both.
    Tensor bin = plait::searchsorted(contiguous(own), x, false, true) - Scalar(1);
    bin = plait::where(plait::eq(x, plait::select(own, 0, sizes[d])), last, bin);
    counts = plait::logical_and(counts, plait::logical_and(plait::ge(bin, zero), plait::le(bin, last)));
    at = at * Scalar(sizes[d]) + plait::clamp_max(plait::clamp_min(bin, zero), last);
    boxes *= sizes[d];
  }
  Tensor amounts = converted(counts, dtype);
  if (weight.defined()) amounts = amounts * converted(weight, dtype);
  const Tensor sums = plait::index_add(plait::zeros(Dims{boxes}, dtype, self.device()), 0, at, amounts);
  return plait::reshape(converted(sums, self.dtype()), sizes);
});

}  // namespace
}  // namespace plait::cuda
