// Products of 8-bit floats: cuBLASLt's, on tensor cores; by way of float32 where it has none.
#include "ops/scaled_mm.h"

#include "core/context.h"
#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/vendor/cublaslt.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/scaled_mm.h"

namespace plait::cuda {
namespace {

// How far the rows (columns, `d` = 0) of a matrix are apart; where there is one, as far as they are long.
int64_t leading(const Tensor& t, int d) { return t.sizes()[d] == 1 ? t.sizes()[1 - d] : t.strides()[d]; }

bool by_cublaslt(const Tensor& out, const Tensor& self, const Tensor& mat2, const Tensor& scale_a,
                 const Tensor& scale_b, const Tensor& bias, const Tensor& scale_result, bool fast) {
  if (out.numel() == 0 || self.sizes()[1] == 0 || !out.is_contiguous()) return false;
  for (const Tensor* t : {&scale_a, &scale_b})
    if (t->is_cpu() || !t->is_contiguous()) return false;  // the kernel reads them on the device
  const bool is_8bit = is_float8(out.dtype());
  if (is_8bit && scale_result.defined() && scale_result.is_cpu()) return false;
  // cuBLASLt adds 16-bit biases only: of the result's dtype, bfloat16 to an 8-bit one.
  const DType bias_dtype = is_8bit ? DType::BFloat16 : out.dtype();
  const bool adds = bias.defined() && is_reduced_float(bias_dtype);
  if (bias.defined() && is_8bit && bias.dtype() != bias_dtype) return false;
  const Tensor b = adds ? contiguous(converted(bias, bias_dtype)) : Tensor();
  ScaledProduct p{};
  p.a_dtype = self.dtype(), p.b_dtype = mat2.dtype(), p.c_dtype = out.dtype(), p.bias_dtype = bias_dtype;
  p.m = self.sizes()[0], p.n = mat2.sizes()[1], p.k = self.sizes()[1];
  p.lda = leading(self, 0), p.ldb = leading(mat2, 1), p.ldc = p.n;
  p.a = self.data_ptr(), p.b = mat2.data_ptr(), p.c = out.data_ptr();
  p.bias = adds ? b.data_ptr() : nullptr;
  p.scale_a = scale_a.data<float>(), p.scale_b = scale_b.data<float>();
  p.scale_c = is_8bit && scale_result.defined() ? scale_result.data<float>() : nullptr;
  p.by_rows = scale_a.dim() == 2 && scale_a.sizes() == Dims{p.m, 1} && scale_b.sizes() == Dims{1, p.n};
  if (p.by_rows && p.m == 1 && p.n == 1) p.by_rows = false;
  p.fast_sums = fast;
  if (!cublaslt_scaled_product(p)) return false;
  if (bias.defined() && !adds) plait::add_(out, bias, 1);
  return true;
}

CudaKernel scaled_mm_kernel(op::_scaled_mm,
                            [](const Tensor& out, const Tensor& self, const Tensor& mat2,
                               const Tensor& scale_a, const Tensor& scale_b, const Tensor& bias,
                               const Tensor& scale_result, std::optional<DType>, bool fast) {
                              NoGrad guard;
                              if (!by_cublaslt(out, self, mat2, scale_a, scale_b, bias, scale_result, fast))
                                scaled_mm_in_float32(out, self, mat2, scale_a, scale_b, bias, scale_result);
                            });

}  // namespace
}  // namespace plait::cuda
