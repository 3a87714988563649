// Distances of pairs of rows, by their differences.
#include "ops/decl/distances.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/create_range.h"
#include "ops/decl/index.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/view_split.h"
#include "ops/math.h"

namespace plait::cuda {
namespace {

CudaKernel pdist_kernel(op::_pdist, [](const Tensor& out, const Tensor& self) {
  if (out.numel() == 0) return;
  const int64_t n = self.size(0);
  const Tensor places = plait::triu_indices(n, n, 1, DType::Int64, self.device());
  const auto rows = [&](int64_t which) {
    return plait::index_select(self, 0, plait::select(places, 0, which));
  };
  copy_on_device(out, plait::norm(rows(0) - rows(1), Scalar(2.0), IntSpan(Dims{1})));
});

}  // namespace
}  // namespace plait::cuda
