// Running sums, products, extremes, log-sum-exps, recurrences.
#include "cuda/kernels/scan.h"

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "ops/complex_forms.h"
#include "ops/decl/scan.h"
#include "ops/decl/view.h"

namespace plait::cuda {
namespace {

ScanPlan plan_of(const Tensor& t, int dim) {
  ScanPlan plan{t.dtype(), 1, 1, 1};
  for (int i = 0; i < t.dim(); ++i) (i < dim ? plan.outer : i == dim ? plan.n : plan.inner) *= t.sizes()[i];
  return plan;
}

// Runs f(plan, inputs, results), all contiguous. Few long lines that are not rows would leave most of the
// device idle: they are turned into rows.
template <size_t Inputs, size_t Results, class F>
void run_lines(const Tensor (&inputs)[Inputs], const Tensor* const (&results)[Results], int dim, const F& f) {
  if (results[0]->numel() == 0) return;
  const ScanPlan plan = plan_of(inputs[0], dim);
  const bool turned = plan.inner > 1 && plan.n >= 512 && plan.outer * plan.inner < 16384;
  const auto view = [&](const Tensor& t) { return turned ? plait::transpose(t, dim, -1) : t; };
  Tensor from[Inputs], to[Results];
  for (size_t i = 0; i < Inputs; ++i) from[i] = cuda::contiguous(view(inputs[i]));
  for (size_t i = 0; i < Results; ++i) {
    const Tensor& result = *results[i];
    to[i] = turned || !result.is_contiguous()
                ? empty_tensor(view(result).sizes(), result.dtype(), result.device())
                : result;
  }
  f(turned ? plan_of(from[0], static_cast<int>(from[0].dim()) - 1) : plan, from, to);
  for (size_t i = 0; i < Results; ++i)
    if (!to[i].same(*results[i])) copy_on_device(*results[i], view(to[i]));
}

void running(ScanOp op, const Tensor& out, const Tensor& self, int64_t dim) {
  const int d = wrap_dim(dim, self.dim(), "scan");
  const bool narrow = is_integral(out.dtype(), true) && out.dtype() != DType::Int64;
  Tensor x = converted(self, out.dtype());
  // Short integers: in int64, and wrapped around at the end.
  const Tensor wide = narrow ? empty_tensor(out.sizes(), DType::Int64, out.device()) : out;
  if (narrow) x = converted(x, DType::Int64);
  run_lines<1, 1>({x}, {&wide}, d, [&](const ScanPlan& plan, const Tensor* from, const Tensor* to) {
    scan(op, plan, from[0].data_ptr(), to[0].data_ptr());
  });
  if (narrow) copy_on_device(out, wide);
}
void extremes(bool largest, const Tensor& values, const Tensor& indices, const Tensor& self, int64_t dim) {
  if (itemsize(self.dtype()) < 4 && is_integral(self.dtype(), true)) {
    const Tensor wide = empty_tensor(values.sizes(), DType::Int32, values.device());
    extremes(largest, wide, indices, converted(self, DType::Int32), dim);
    return copy_on_device(values, wide);
  }
  run_lines<1, 2>({self}, {&values, &indices}, wrap_dim(dim, self.dim(), "scan"),
                  [&](const ScanPlan& plan, const Tensor* from, const Tensor* to) {
                    scan_extreme(largest, plan, from[0].data_ptr(), to[0].data_ptr(), to[1].data<int64_t>());
                  });
}

CudaKernel cumsum_kernel(op::cumsum, [](const Tensor& out, const Tensor& self, int64_t dim,
                                        std::optional<DType>) { running(ScanOp::Sum, out, self, dim); });
CudaKernel cumprod_kernel(op::cumprod, [](const Tensor& out, const Tensor& self, int64_t dim,
                                          std::optional<DType>) { running(ScanOp::Prod, out, self, dim); });
CudaKernel logcumsumexp_kernel(op::logcumsumexp, [](const Tensor& out, const Tensor& self, int64_t dim) {
  if (is_complex(self.dtype()))
    return complex_forms::logcumsumexp(out, self, wrap_dim(dim, self.dim(), "logcumsumexp"));
  running(ScanOp::LogSumExp, out, self, dim);
});
CudaKernel cummax_kernel(op::cummax, [](const Tensor& values, const Tensor& indices, const Tensor& self,
                                        int64_t dim) { extremes(true, values, indices, self, dim); });
CudaKernel cummin_kernel(op::cummin, [](const Tensor& values, const Tensor& indices, const Tensor& self,
                                        int64_t dim) { extremes(false, values, indices, self, dim); });
CudaKernel scan_linear_kernel(op::_scan_linear, [](const Tensor& out, const Tensor& self, const Tensor& terms,
                                                   int64_t dim, bool reverse) {
  run_lines<2, 1>({self, terms}, {&out}, wrap_dim(dim, self.dim(), "_scan_linear"),
                  [&](const ScanPlan& plan, const Tensor* from, const Tensor* to) {
                    scan_linear(plan, from[0].data_ptr(), from[1].data_ptr(), to[0].data_ptr(), reverse);
                  });
});

}  // namespace
}  // namespace plait::cuda
