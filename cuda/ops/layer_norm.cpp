// Normalisations of rows: layer and root mean square norm.
#include "cuda/kernels/layer_norm.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/rows.h"
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

CudaKernel rows_kernel(op::_layer_norm_rows,
                       [](const Tensor& out, const Tensor& mean, const Tensor& rstd, const Tensor& self,
                          const Tensor& weight, const Tensor& bias, double eps, bool center) {
                         const int64_t rows = self.sizes()[0], n = self.sizes()[1];
                         if (rows == 0 || n == 0) return;
                         const bool wide = is_wide(self, weight, bias);
                         const Tensor w = weight_as(weight, self, wide), b = weight_as(bias, self, wide);
                         int64_t stride = n;
                         const Tensor x = as_strided_rows(self, n, &stride);
                         layer_norm({self.dtype(), wide, rows, n, eps, center}, x.data_ptr(), stride,
                                    pointer(w), pointer(b), out.data_ptr(), mean.data_ptr(), rstd.data_ptr());
                       });

CudaKernel rows_backward_kernel(op::_layer_norm_rows_backward,
                                [](const Tensor& dx, const Tensor& dw, const Tensor& db, const Tensor& self,
                                   const Tensor& input, const Tensor& mean, const Tensor& rstd,
                                   const Tensor& weight, bool center, bool need_x, bool need_w, bool need_b) {
                                  const int64_t rows = input.sizes()[0], n = input.sizes()[1];
                                  if (n == 0) return;
                                  if (rows == 0) {
                                    if (need_w) plait::zero_(dw);
                                    if (need_b) plait::zero_(db);
                                    return;
                                  }
                                  const bool wide = is_wide(input, weight);
                                  const DType compute = compute_dtype(input.dtype());
                                  const Tensor g = cuda::contiguous(converted(self, input.dtype())),
                                               x = cuda::contiguous(input),
                                               w = weight_as(weight, input, wide),
                                               m = cuda::contiguous(converted(mean, compute)),
                                               s = cuda::contiguous(converted(rstd, compute));
                                  layer_norm_backward({input.dtype(), wide, rows, n, 0, center}, g.data_ptr(),
                                                      x.data_ptr(), pointer(w), m.data_ptr(), s.data_ptr(),
                                                      need_x ? dx.data_ptr() : nullptr,
                                                      need_w ? dw.data_ptr() : nullptr,
                                                      need_b ? db.data_ptr() : nullptr);
                                });

}  // namespace
}  // namespace plait::cuda
