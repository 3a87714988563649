// The most frequent values, by sorting.
#include "ops/decl/mode.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/compare.h"
#include "ops/decl/create.h"
#include "ops/decl/create_range.h"
#include "ops/decl/index.h"
#include "ops/decl/join.h"
#include "ops/decl/minmax.h"
#include "ops/decl/scan.h"
#include "ops/decl/sort.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"
#include "ops/math.h"

namespace plait::cuda {
namespace {

CudaKernel mode_kernel(op::_mode_index, [](const Tensor& out, const Tensor& self, int64_t dim) {
  if (out.numel() == 0) return;
  const Tensor line = plait::transpose(self, dim, -1);
  const int64_t size = line.size(-1);
  const auto [ordered, order] = plait::sort(line, -1, false, true);
  const Tensor place =
                   plait::expand(plait::arange(Scalar(size), DType::Int64, self.device()), ordered.sizes()),
               begins = plait::ne(plait::narrow(ordered, -1, 1, size - 1),
                                  plait::narrow(ordered, -1, 0, size - 1));
  // Where runs of equal values begin; the end of the longest one, of the first where several are as long.
  const Tensor first = plait::zeros_like(plait::narrow(place, -1, 0, 1)),
               later =
                   plait::where(begins, plait::narrow(place, -1, 1, size - 1), wrapped_scalar(int64_t{0})),
               both[] = {first, later}, start = std::get<0>(plait::cummax(plait::cat(both, -1), -1)),
               best = plait::argmax((place - start) * Scalar(size) - place, -1, true);
  copy_on_device(out, plait::transpose(plait::gather(order, -1, best), dim, -1));
});

}  // namespace
}  // namespace plait::cuda
