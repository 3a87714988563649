// Sums, products, counts, extremes, norms, variances.
#include <algorithm>
#include <cmath>

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/reduce_plan.h"
#include "ops/complex_forms.h"
#include "ops/decl/minmax.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/power.h"
#include "ops/decl/product.h"
#include "ops/decl/reduce.h"
#include "ops/decl/statistics.h"
#include "ops/decl/unary.h"
#include "ops/decl/view.h"
#include "ops/reduce_common.h"

namespace plait::cuda {
namespace {

using namespace reduction;
using Correction = std::optional<Scalar>;

// ---- sums and products

// A 16-bit float is summed in float32 anyway: it need not be converted to that first.
Tensor summand(const Tensor& self, DType result) {
  if (is_reduced_float(self.dtype()) && result == DType::Float32) return self;
  if (is_integral(self.dtype(), true) && result == DType::Int64) return self;
  return converted(self, result);
}
void sum_into(const char* op, ReduceOp f, const Tensor& out, const Tensor& self, DimMask mask,
              double divisor = 1) {
  const DType result = out.dtype();
  if (is_integral(result, true) && result != DType::Int64) {  // in int64, and wrapped around at the end
    const Tensor x = converted(self, result), wide = empty_tensor(out.sizes(), DType::Int64, out.device());
    run_reduce(op, ReduceOp::Sum, x, mask, &wide);
    return copy_on_device(out, wide);
  }
  const Tensor x = summand(self, result);
  run_reduce(op, is_floating(x.dtype()) ? f : ReduceOp::Sum, x, mask, &out, nullptr, {.divisor = divisor});
}
void mean_into(const Tensor& out, const Tensor& self, DimMask mask) {
  sum_into("mean", ReduceOp::Sum, out, self, mask, static_cast<double>(reduced_numel(self.sizes(), mask)));
}

CudaKernel sum_kernel(op::sum, [](const Tensor& out, const Tensor& self, MaybeDType) {
  sum_into("sum", ReduceOp::Sum, out, self, all_dims(self.dim()));
});
CudaKernel sum_dim_kernel(op::sum_dim,
                          [](const Tensor& out, const Tensor& self, MaybeDims dim, bool, MaybeDType) {
                            sum_into("sum", ReduceOp::Sum, out, self, mask_of("sum", dim, self.dim()));
                          });
CudaKernel nansum_kernel(op::nansum, [](const Tensor& out, const Tensor& self, MaybeDims dim, bool,
                                        MaybeDType) {
  sum_into("nansum", ReduceOp::NanSum, out, self, mask_of("nansum", dim, self.dim()));
});
CudaKernel mean_kernel(op::mean, [](const Tensor& out, const Tensor& self, MaybeDType) {
  mean_into(out, self, all_dims(self.dim()));
});
CudaKernel mean_dim_kernel(op::mean_dim,
                           [](const Tensor& out, const Tensor& self, MaybeDims dim, bool, MaybeDType) {
                             mean_into(out, self, mask_of("mean", dim, self.dim()));
                           });

void product_into(const Tensor& out, const Tensor& self, DimMask mask) {
  const DType result = out.dtype();
  if (is_integral(result, true) && result != DType::Int64) {
    const Tensor x = converted(self, result), wide = empty_tensor(out.sizes(), DType::Int64, out.device());
    run_reduce("prod", ReduceOp::Prod, x, mask, &wide);
    return copy_on_device(out, wide);
  }
  const bool direct = is_integral(self.dtype(), true) && result == DType::Int64;
  run_reduce("prod", ReduceOp::Prod, direct ? self : converted(self, result), mask, &out);
}
CudaKernel prod_kernel(op::prod, [](const Tensor& out, const Tensor& self, MaybeDType) {
  product_into(out, self, all_dims(self.dim()));
});
CudaKernel prod_dim_kernel(op::prod_dim_int,
                           [](const Tensor& out, const Tensor& self, int64_t dim, bool, MaybeDType) {
                             product_into(out, self, mask_of("prod", dim, self.dim()));
                           });

// ---- counts

CudaKernel count_nonzero_kernel(op::count_nonzero, [](const Tensor& out, const Tensor& self, MaybeDims dim) {
  run_reduce("count_nonzero", ReduceOp::NonZero, self, mask_of("count_nonzero", dim, self.dim()), &out);
});
CudaKernel any_kernel(op::any, [](const Tensor& out, const Tensor& self, MaybeDims dim, bool) {
  run_reduce("any", ReduceOp::Any, self, mask_of("any", dim, self.dim()), &out);
});
CudaKernel all_kernel(op::all, [](const Tensor& out, const Tensor& self, MaybeDims dim, bool) {
  run_reduce("all", ReduceOp::All, self, mask_of("all", dim, self.dim()), &out);
});

// ---- extremes

CudaKernel max_kernel(op::max, [](const Tensor& out, const Tensor& self) {
  run_reduce("max", ReduceOp::Max, self, all_dims(self.dim()), &out);
});
CudaKernel min_kernel(op::min, [](const Tensor& out, const Tensor& self) {
  run_reduce("min", ReduceOp::Min, self, all_dims(self.dim()), &out);
});
CudaKernel amax_kernel(op::amax, [](const Tensor& out, const Tensor& self, MaybeDims dim, bool) {
  run_reduce("amax", ReduceOp::Max, self, mask_of("amax", dim, self.dim()), &out);
});
CudaKernel amin_kernel(op::amin, [](const Tensor& out, const Tensor& self, MaybeDims dim, bool) {
  run_reduce("amin", ReduceOp::Min, self, mask_of("amin", dim, self.dim()), &out);
});
CudaKernel max_dim_kernel(op::max_dim, [](const Tensor& values, const Tensor& indices, const Tensor& self,
                                          int64_t dim, bool) {
  run_reduce("max", ReduceOp::MaxPosition, self, mask_of("max", dim, self.dim()), &values, &indices);
});
CudaKernel min_dim_kernel(op::min_dim, [](const Tensor& values, const Tensor& indices, const Tensor& self,
                                          int64_t dim, bool) {
  run_reduce("min", ReduceOp::MinPosition, self, mask_of("min", dim, self.dim()), &values, &indices);
});

// Without dim the position is that in the flattened tensor.
void position_into(const char* op, ReduceOp f, const Tensor& out, const Tensor& self,
                   std::optional<int64_t> dim) {
  if (dim) return run_reduce(op, f, self, mask_of(op, *dim, self.dim()), nullptr, &out);
  const Tensor x = contiguous(self);
  const Tensor flat = from_storage(x.storage(), x.dtype(), Dims{x.numel()}, Dims{1}, x.storage_offset());
  run_reduce(op, f, flat, 1, nullptr, &out);
}
CudaKernel argmax_kernel(op::argmax,
                         [](const Tensor& out, const Tensor& self, std::optional<int64_t> dim, bool) {
                           position_into("argmax", ReduceOp::MaxPosition, out, self, dim);
                         });
CudaKernel argmin_kernel(op::argmin,
                         [](const Tensor& out, const Tensor& self, std::optional<int64_t> dim, bool) {
                           position_into("argmin", ReduceOp::MinPosition, out, self, dim);
                         });

// ---- norms

// sum |x|^p ^ (1/p) in general; powers of 16-bit floats are formed in float32.
void general_norm(const Tensor& out, const Tensor& self, DimMask mask, double p) {
  const Dims dims = dims_of(mask, self.dim());
  const Tensor x = is_reduced_float(self.dtype()) ? converted(self, DType::Float32) : self;
  if (p == 0) return copy_into(out, plait::reshape(plait::count_nonzero(x, IntSpan(dims)), out.sizes()));
  const auto power = [](const Tensor& t, double to) { return plait::pow(t, wrapped_scalar(to)); };
  const Tensor sum = plait::sum(power(plait::abs(x), p), IntSpan(dims), false, std::nullopt);
  copy_into(out, plait::reshape(power(sum, 1 / p), out.sizes()));
}
CudaKernel vector_norm_kernel(op::_vector_norm, [](const Tensor& out, const Tensor& self, double p,
                                                   MaybeDims dim, bool) {
  const DimMask mask = mask_of("norm", dim, self.dim());
  if (p == 2)
    run_reduce("norm", ReduceOp::NormTwo, self, mask, &out);
  else if (p == 1)
    run_reduce("norm", ReduceOp::NormOne, self, mask, &out);
  else if (std::isinf(p))
    run_reduce("norm", p > 0 ? ReduceOp::NormMax : ReduceOp::NormMin, self, mask, &out);
  else
    general_norm(out, self, mask, p);
});
CudaKernel logsumexp_kernel(op::logsumexp, [](const Tensor& out, const Tensor& self, IntSpan dim, bool) {
  const DimMask mask = mask_of("logsumexp", MaybeDims(dim), self.dim());
  if (is_complex(self.dtype())) return complex_forms::logsumexp(out, self, dims_of(mask, self.dim()));
  run_reduce("logsumexp", ReduceOp::LogSumExp, converted(self, out.dtype()), mask, &out);
});

// ---- variances

// Either result may be absent.
void moments_into(const char* op, const Tensor* spread, bool root, const Tensor* mean, const Tensor& self,
                  MaybeDims dim, const Correction& correction) {
  const DimMask mask = mask_of(op, dim, self.dim());
  if (is_complex(self.dtype()))
    return complex_forms::moments(*spread, root, mean, self, dims_of(mask, self.dim()), correction);
  const double less = correction ? correction->to<double>() : 1.0;
  const double degrees = std::max(0.0, static_cast<double>(reduced_numel(self.sizes(), mask)) - less);
  run_reduce(op, ReduceOp::Moments, self, mask, spread, mean, {.divisor = degrees, .root = root});
}
CudaKernel var_kernel(op::var_correction,
                      [](const Tensor& out, const Tensor& self, MaybeDims dim, Correction correction, bool) {
                        moments_into("var", &out, false, nullptr, self, dim, correction);
                      });
CudaKernel std_kernel(op::std_correction,
                      [](const Tensor& out, const Tensor& self, MaybeDims dim, Correction correction, bool) {
                        moments_into("std", &out, true, nullptr, self, dim, correction);
                      });
CudaKernel var_mean_kernel(op::var_mean_correction,
                           [](const Tensor& var, const Tensor& mean, const Tensor& self, MaybeDims dim,
                              Correction correction,
                              bool) { moments_into("var_mean", &var, false, &mean, self, dim, correction); });
CudaKernel std_mean_kernel(op::std_mean_correction,
                           [](const Tensor& std, const Tensor& mean, const Tensor& self, MaybeDims dim,
                              Correction correction,
                              bool) { moments_into("std_mean", &std, true, &mean, self, dim, correction); });

}  // namespace
}  // namespace plait::cuda
