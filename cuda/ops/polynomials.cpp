// Orthogonal polynomials.
#include "ops/polynomials.h"

#include "cuda/attach.h"
#include "cuda/kernels/polynomials.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/polynomials.h"

namespace plait::cuda {
namespace {

CudaKernel kernel(op::_orthogonal_polynomial, [](const Tensor& out, std::string_view function,
                                                 const Tensor& self, const Tensor& n, int64_t order) {
  const fn::PolynomialDerivative f = op::polynomial_of(function, order);
  const Tensor x = is_number(self) ? self : converted(self, out.dtype());
  const Tensor degrees = is_number(n) ? n : converted(n, DType::Float64);  // where 16 bits would round them
  run_elementwise_as_is(op::_orthogonal_polynomial.name(), polynomial_launcher(out.dtype()), out,
                        {&x, &degrees}, &f);
});

}  // namespace
}  // namespace plait::cuda
