// Mantissas and exponents of floating-point numbers.
#include "ops/decl/float_parts.h"

#include "cuda/attach.h"
#include "cuda/kernels/float_parts.h"
#include "cuda/ops/elementwise.h"

namespace plait::cuda {
namespace {

CudaKernel kernel(op::frexp, [](const Tensor& mantissa, const Tensor& exponent, const Tensor& self) {
  run_elementwise("frexp", mantissa_launcher(self.dtype()), self.dtype(), mantissa, {&self});
  run_elementwise("frexp", exponent_launcher(self.dtype()), self.dtype(), exponent, {&self});
});

}  // namespace
}  // namespace plait::cuda
