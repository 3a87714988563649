// Attaching whole families of ops in tables:
//
//   const bool attached = (unary_op<op::exp, fn::Explog::Exp>(), unary_op<op::log, fn::Explog::Log>(), true);
#pragma once

#include "cuda/attach.h"
#include "cuda/ops/pointwise.h"

namespace plait::cuda {

template <auto& O, auto F>
void unary_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self) { unary(O.name(), F, out, self); });
}
// `OfComplex` takes complex numbers, for which the table has no kernel.
template <auto& O, auto F, void (&OfComplex)(const Tensor&, const Tensor&)>
void unary_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self) {
    is_complex(out.dtype()) ? OfComplex(out, self) : unary(O.name(), F, out, self);
  });
}
template <auto& O, auto F>
void binary_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self, const Tensor& other) {
    binary(O.name(), F, out, self, other);
  });
}
template <auto& O, fn::Division F>
void division_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self, const Tensor& other) {
    divide(O.name(), F, out, self, other);
  });
}
template <auto& O, fn::Compare F, bool Swapped = false>
void compare_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self, const Tensor& other) {
    Swapped ? compare(O.name(), F, out, other, self) : compare(O.name(), F, out, self, other);
  });
}
template <auto& O, fn::Test F>
void test_op() {
  CudaKernel(O, [](const Tensor& out, const Tensor& self) { test(O.name(), F, out, self); });
}

}  // namespace plait::cuda
