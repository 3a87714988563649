#include "cuda/ops/pointwise.h"

#include "ops/cpu/compare.h"
#include "ops/decl/arithmetic.h"

namespace plait::cuda {

void add_scaled(const char* op, const Tensor& out, const Tensor& a, const Tensor& b, const Scalar& alpha) {
  if (alpha.equals(1)) return binary(op, fn::Binary::Add, out, a, b);
  if (alpha.equals(-1) && out.dtype() != DType::Bool) return binary(op, fn::Binary::Sub, out, a, b);
  // One pass. Integers of another dtype are multiplied in it, where they may wrap; bools by "and".
  if (is_integral(out.dtype(), true) && (b.dtype() != out.dtype() || out.dtype() == DType::Bool))
    return binary(op, fn::Binary::Add, out, a, plait::mul(b, wrapped_scalar(alpha)));
  const PointwiseParams params = pointwise_params(0, {alpha});
  run_elementwise(op, add_scaled_launcher(out.dtype()), out.dtype(), out, {&a, &b}, &params);
}

void binary(const char* op, fn::Binary f, const Tensor& out, const Tensor& a, const Tensor& b) {
  const Launcher mixed =
      is_number(a) || is_number(b) ? nullptr : mixed_launcher(f, out.dtype(), a.dtype(), b.dtype());
  if (!mixed) return pointwise(op, f, out, {&a, &b});
  const PointwiseParams params = pointwise_params(f, {});
  run_elementwise_as_is(op, mixed, out, {&a, &b}, &params);
}

void divide(const char* op, fn::Division f, const Tensor& out, const Tensor& a, const Tensor& b) {
  PointwiseParams params = pointwise_params(f, {});
  if (is_integral(out.dtype())) {
    params.op = op;
    params.fault = fault_slot();
  }
  run_elementwise(op, launcher(f, out.dtype()), out.dtype(), out, {&a, &b}, &params);
}

void compare(const char* op, fn::Compare f, const Tensor& out, const Tensor& a, const Tensor& b) {
  const DType compute = cpu::compare_dtype(a, b);
  const PointwiseParams params = pointwise_params(f, {});
  run_elementwise(op, launcher(f, compute), compute, out, {&a, &b}, &params);
}

void test(const char* op, fn::Test f, const Tensor& out, const Tensor& a) {
  if (!is_integral(a.dtype(), true)) {
    const PointwiseParams params = pointwise_params(f, {});
    return run_elementwise(op, launcher(f, a.dtype()), a.dtype(), out, {&a}, &params);
  }
  switch (f) {
    case fn::Test::Nan:
    case fn::Test::Inf: return fill(out, false);
    case fn::Test::Finite: return fill(out, true);
    case fn::Test::Negative: return compare(op, fn::Compare::Less, out, a, wrapped_scalar(0));
    default: return compare(op, fn::Compare::Equal, out, a, wrapped_scalar(0));
  }
}

void where(const char* op, const Tensor& out, const Tensor& condition, const Tensor& a, const Tensor& b) {
  run_choice(op, where_launcher(itemsize(out.dtype())), out, condition, a, b);
}

void fill(const Tensor& out, const Scalar& value) { copy_on_device(out, scalar_tensor(value, out.dtype())); }

}  // namespace plait::cuda
