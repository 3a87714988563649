// Bessel functions and the functions of two numbers around the gamma function.
#include "ops/decl/bessel.h"

#include "cuda/attach.h"
#include "cuda/kernels/bessel.h"
#include "cuda/ops/elementwise.h"
#include "ops/decl/gamma.h"

namespace plait::cuda {
namespace {

template <auto& O, fn::Bessel F>
void bessel_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self) {
    constexpr fn::Bessel f = F;
    run_elementwise(O.name(), bessel_launcher(out.dtype()), out.dtype(), out, {&self}, &f);
  });
}
template <auto& O, fn::GammaPair F>
void gamma_pair_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self, const Tensor& other) {
    constexpr fn::GammaPair f = F;
    run_elementwise(O.name(), gamma_pair_launcher(out.dtype()), out.dtype(), out, {&self, &other}, &f);
  });
}

const bool attached =
    (bessel_op<op::i0, fn::Bessel::I0>(), bessel_op<op::special_i0e, fn::Bessel::I0e>(),
     bessel_op<op::special_i1, fn::Bessel::I1>(), bessel_op<op::special_i1e, fn::Bessel::I1e>(),
     bessel_op<op::special_bessel_j0, fn::Bessel::J0>(), bessel_op<op::special_bessel_j1, fn::Bessel::J1>(),
     bessel_op<op::special_bessel_y0, fn::Bessel::Y0>(), bessel_op<op::special_bessel_y1, fn::Bessel::Y1>(),
     bessel_op<op::special_modified_bessel_k0, fn::Bessel::K0>(),
     bessel_op<op::special_modified_bessel_k1, fn::Bessel::K1>(),
     bessel_op<op::special_scaled_modified_bessel_k0, fn::Bessel::K0e>(),
     bessel_op<op::special_scaled_modified_bessel_k1, fn::Bessel::K1e>(),
     bessel_op<op::special_spherical_bessel_j0, fn::Bessel::SphericalJ0>(),
     bessel_op<op::special_erfcx, fn::Bessel::Erfcx>(),
     bessel_op<op::special_log_ndtr, fn::Bessel::LogNdtr>(),
     gamma_pair_op<op::special_zeta, fn::GammaPair::Zeta>(),
     gamma_pair_op<op::igamma, fn::GammaPair::Igamma>(), gamma_pair_op<op::igammac, fn::GammaPair::Igammac>(),
     true);

}  // namespace
}  // namespace plait::cuda
