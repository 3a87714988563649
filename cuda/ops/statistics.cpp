// Histograms and counts of values.
#include <algorithm>

#include "cuda/attach.h"
#include "cuda/kernels/histogram.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/compare.h"
#include "ops/decl/create.h"
#include "ops/decl/minmax.h"
#include "ops/decl/statistics.h"
#include "ops/reduce_common.h"

namespace plait::cuda {
namespace {

using namespace reduction;

// Where the limits come from the data, the host waits for them.
CudaKernel histc_kernel(op::histc, [](const Tensor& out, const Tensor& self, int64_t bins, const Scalar& min,
                                      const Scalar& max) {
  double low = min.to<double>(), high = max.to<double>();
  if (low == high && self.numel() > 0) {
    low = item(plait::amin(self)).to<double>();
    high = item(plait::amax(self)).to<double>();
  }
  if (low == high) {
    low -= 1;
    high += 1;
  }
  check(low - low == 0 && high - high == 0, "histc: expected finite limits, got {} to {}; pass min and max",
        low, high);
  const Tensor x = cuda::contiguous(self);
  const Tensor counts = plait::zeros(Dims{bins}, DType::Int64, self.device());
  if (x.numel() > 0)
    count_intervals(x.dtype(), x.data_ptr(), x.numel(), low, high, bins, counts.data<int64_t>());
  copy_on_device(out, counts);
});

// The size of the result depends on the data: the host waits for the smallest and largest element.
CudaDirect bincount_kernel(op::bincount, [](const Tensor& self, const Tensor& weights, int64_t minlength) {
  check_bincount(self, weights, minlength);
  NoGrad guard;
  const Tensor index = cuda::contiguous(converted(self, DType::Int64));
  const int64_t n = index.numel();
  int64_t length = minlength;
  if (n > 0) {
    const auto low = item(plait::amin(index)).to<int64_t>();
    if (low < 0) {
      const Tensor negative = plait::lt(index, wrapped_scalar(0));
      const auto at = item(plait::argmax(negative)).to<int64_t>();
      const Tensor first =
          from_storage(index.storage(), DType::Int64, Dims(), Dims(), index.storage_offset() + at);
      fail<ValueError>("bincount: expected non-negative elements in self, got {} at position {}",
                       item(first).to<int64_t>(), at);
    }
    length = std::max(length, item(plait::amax(index)).to<int64_t>() + 1);
  }
  if (!weights.defined()) {
    const Tensor counts = plait::zeros(Dims{length}, DType::Int64, self.device());
    if (n > 0) count_values(index.data<int64_t>(), n, length, counts.data<int64_t>());
    return counts;
  }
  const Tensor w = cuda::contiguous(converted(weights, DType::Float64));
  const Tensor sums = plait::zeros(Dims{length}, DType::Float64, self.device());
  if (n > 0) sum_weights(index.data<int64_t>(), w.data<double>(), n, sums.data<double>());
  return weights.dtype() == DType::Float32 ? converted(sums, DType::Float32) : sums;
});

}  // namespace
}  // namespace plait::cuda
