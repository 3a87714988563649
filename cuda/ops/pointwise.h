// Elementwise functions of tensors: what the ops of these families, and kernels of others, call.
#pragma once

#include "cuda/kernels/pointwise.h"
#include "cuda/ops/elementwise.h"

namespace plait::cuda {

template <class E>
PointwiseParams pointwise_params(E function, std::initializer_list<Scalar> numbers) {
  PointwiseParams params;
  params.function = static_cast<int>(function);
  int i = 0;
  for (const Scalar& n : numbers) params.numbers[i++] = number_of(n);
  return params;
}

// out = f(a), f(a, b), f(a, b, c), computed in the dtype of out; `numbers`: what f takes besides.
template <class E>
void pointwise(const char* op, E f, const Tensor& out, std::initializer_list<const Tensor*> inputs,
               std::initializer_list<Scalar> numbers = {}) {
  const PointwiseParams params = pointwise_params(f, numbers);
  run_elementwise(op, launcher(f, out.dtype()), out.dtype(), out, inputs, &params);
}
template <class E>
void unary(const char* op, E f, const Tensor& out, const Tensor& a,
           std::initializer_list<Scalar> numbers = {}) {
  pointwise(op, f, out, {&a}, numbers);
}
template <class E>
void binary(const char* op, E f, const Tensor& out, const Tensor& a, const Tensor& b,
            std::initializer_list<Scalar> numbers = {}) {
  pointwise(op, f, out, {&a, &b}, numbers);
}
// Inputs of float32 and of 16 bits, as autocast regions have them, are not converted beforehand.
void binary(const char* op, fn::Binary f, const Tensor& out, const Tensor& a, const Tensor& b);
template <class E>
void ternary(const char* op, E f, const Tensor& out, const Tensor& a, const Tensor& b, const Tensor& c,
             std::initializer_list<Scalar> numbers = {}) {
  pointwise(op, f, out, {&a, &b, &c}, numbers);
}

// out = a + alpha * b
void add_scaled(const char* op, const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha);
// Integer divisions by zero are faults, reported under `op`, which lives for ever.
void divide(const char* op, fn::Division f, const Tensor& out, const Tensor& a, const Tensor& b);
// A bool result; the arguments are compared in the dtype that both promote to.
void compare(const char* op, fn::Compare f, const Tensor& out, const Tensor& a, const Tensor& b);
void test(const char* op, fn::Test f, const Tensor& out, const Tensor& a);
// out = condition ? a : b
void where(const char* op, const Tensor& out, const Tensor& condition, const Tensor& a, const Tensor& b);
void fill(const Tensor& out, const Scalar& value);

}  // namespace plait::cuda
