// Normalisations of rows: layer and root mean square norm.
#include "cuda/kernels/layer_norm.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/rows.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/copy.h"
#include "ops/decl/layer_norm.h"

namespace plait::cuda {
namespace {

DType compute_dtype(DType d) { return d == DType::Float64 ? DType::Float64 : DType::Float32; }
void* pointer(const Tensor& t) { return t.defined() ? t.data_ptr() : nullptr; }

// A weight of x's dtype is read as it is, any other in the dtype that is computed in; both weights alike.
bool is_wide(const Tensor& x, const Tensor& a, const Tensor& b = {}) {
  return (a.defined() && a.dtype() != x.dtype()) || (b.defined() && b.dtype() != x.dtype());
}
Tensor weight_as(const Tensor& weight, const Tensor& x, bool wide) {
  if (!weight.defined()) return weight;
  return cuda::contiguous(converted(weight, wide ? compute_dtype(x.dtype()) : x.dtype()));
}

int64_t row_length(const Tensor& self, int64_t dims) {
  int64_t n = 1;
  for (int64_t d = self.dim() - dims; d < self.dim(); ++d) n *= self.sizes()[static_cast<int>(d)];
  return n;
}

// The copy in 16 bits that a kernel is to write beside `result`, where that is float32.
struct Lower {
  Lower(const Tensor& result, std::optional<DType> dtype) {
    if (dtype && result.dtype() == DType::Float32)
      copy = empty_tensor(result.sizes(), *dtype, result.device());
  }
  LowerResult plan() const { return {pointer(copy), copy.defined() && copy.dtype() == DType::BFloat16}; }
  void keep(const Tensor& result) const {
    if (copy.defined()) keep_lower_copy(result, copy);
  }
  Tensor copy;
};

CudaKernel norm_kernel(op::_layer_norm, [](const Tensor& out, const Tensor& mean, const Tensor& rstd,
                                           const Tensor& self, int64_t dims, const Tensor& weight,
                                           const Tensor& bias, double eps, bool center,
                                           std::optional<DType> lower_dtype) {
  const int64_t n = row_length(self, dims), rows = mean.numel();
  if (rows == 0 || n == 0) return;
  const bool wide = is_wide(self, weight, bias);
  const Tensor w = weight_as(weight, self, wide), b = weight_as(bias, self, wide);
  int64_t stride = n;
  const Tensor x = as_strided_rows(self, n, &stride);
  const Lower lower(out, lower_dtype);
  layer_norm({self.dtype(), wide, rows, n, eps, center}, x.data_ptr(), stride, pointer(w), pointer(b),
             out.data_ptr(), lower.plan(), mean.data_ptr(), rstd.data_ptr());
  lower.keep(out);
});

CudaKernel norm_backward_kernel(
    op::_layer_norm_backward,
    [](const Tensor& dx, const Tensor& dw, const Tensor& db, const Tensor& self, const Tensor& input,
       const Tensor& mean, const Tensor& rstd, const Tensor& weight, const Tensor& sum, int64_t dims,
       bool center, bool need_x, bool need_w, bool need_b, std::optional<DType> lower_dtype) {
      const int64_t n = row_length(input, dims), rows = mean.numel();
      if (n == 0) return;
      if (rows == 0) {
        if (need_w) plait::zero_(dw);
        if (need_b) plait::zero_(db);
        return;
      }
      const bool wide = is_wide(input, weight);
      const DType compute = compute_dtype(input.dtype());
      // 16 bits are read as they are where float32 is computed in.
      const bool as_is = input.dtype() == DType::Float32 && itemsize(self.dtype()) == 2;
      const Tensor g = cuda::contiguous(as_is ? self : converted(self, input.dtype())),
                   x = cuda::contiguous(input), w = weight_as(weight, input, wide),
                   m = cuda::contiguous(converted(mean, compute)),
                   s = cuda::contiguous(converted(rstd, compute)),
                   before = need_x && sum.defined() ? cuda::contiguous(sum) : Tensor();
      const bool adds = before.defined() && layer_norm_adds(x.dtype(), n);
      const bool complete = need_x && (adds || !before.defined());  // when the kernel is done
      const Lower lower(dx, complete ? lower_dtype : std::nullopt);
      layer_norm_backward({input.dtype(), wide, rows, n, 0, center}, g.dtype(), g.data_ptr(), x.data_ptr(),
                          pointer(w), m.data_ptr(), s.data_ptr(), adds ? before.data_ptr() : nullptr,
                          need_x ? dx.data_ptr() : nullptr, lower.plan(), need_w ? dw.data_ptr() : nullptr,
                          need_b ? db.data_ptr() : nullptr);
      if (before.defined() && !adds) plait::add_(dx, before);
      lower.keep(dx);
    });

}  // namespace
}  // namespace plait::cuda
