#include "ops/cpu/binary.h"

#include "ops/cpu/complex.h"
#include "ops/cpu/unary.h"

namespace plait::cpu {
namespace {

// Is this a number beside the elements of other? Of two without dimensions the one of another dtype is, if
// any.
bool is_number(const Tensor& t, const Tensor& other, DType compute) {
  return t.dim() == 0 && (other.dim() > 0 || t.dtype() != compute);
}

template <class E>
void run(const char* op, const NumberTable<E>& table, E f, const Tensor& out, const Tensor& a,
         const Tensor& b, DType compute, const void* params, int cost) {
  const bool number_left = is_number(a, b, compute), number_right = is_number(b, a, compute);
  if (is_reduced_float(compute) && out.dtype() == compute && number_left != number_right) {
    const int row = static_cast<int>(f), narrow = compute == DType::BFloat16;
    const Tensor x = converted(a, number_right ? compute : DType::Float32);
    const Tensor y = converted(b, number_right ? DType::Float32 : compute);
    StridedIter iter;
    iter.output(out);
    iter.input(x);
    iter.input(y);
    iter.build();
    iter.run((number_right ? table.number_right : table.number_left)[row][narrow], params, cost);
    return;
  }
  pointwise(op, table.same.at(f, compute), out, a, b, compute, params, cost);
}

// A power that is a simpler function of the base, for one exponent of all elements.
Loop simple_power(DType d, double exponent) {
  if (exponent == 2) return loop_of(Unary::Square, d);
  if (exponent == 3) return loop_of(Unary::Cube, d);
  if (is_integral(d, true)) return nullptr;
  if (exponent == 0.5) return loop_of(Unary::Sqrt, d);
  if (exponent == -1) return loop_of(Unary::Reciprocal, d);
  if (exponent == -2) return loop_of(Unary::InverseSquare, d);
  if (exponent == -0.5) return loop_of(Unary::Rsqrt, d);
  return nullptr;
}

}  // namespace

void binary(const char* op, Binary f, const Tensor& out, const Tensor& a, const Tensor& b, DType compute,
            int cost) {
  run(op, binary_table(), f, out, a, b, compute, nullptr, cost);
}

void binary(const char* op, BinaryMath f, const Tensor& out, const Tensor& a, const Tensor& b) {
  run(op, binary_math_table(), f, out, a, b, out.dtype(), nullptr, f >= BinaryMath::CopySign ? 1 : 8);
}

void divide(const char* op, Division f, const Tensor& out, const Tensor& a, const Tensor& b) {
  int by_zero = 0;
  run(op, division_table(), f, out, a, b, out.dtype(), &by_zero, 4);
  check<RuntimeError>(
      !by_zero,
      "{}: ZeroDivisionError: an integer was divided by zero; divide floats, or mask the zeros of other", op);
}

void power(const Tensor& out, const Tensor& a, const Tensor& b) {
  const DType d = out.dtype();
  if (b.dim() == 0) {
    const Scalar exponent = item(b);
    if (!exponent.is_complex()) {
      const double e = exponent.to<double>();
      check<RuntimeError>(
          e >= 0 || !is_integral(d, true),
          "pow: integers to negative integer powers are not allowed (exponent {}); make self a float tensor",
          e);
      if (const Loop loop = simple_power(d, e)) return pointwise("pow", loop, out, a, d);
    }
  } else if (a.dim() == 0 && is_floating(d) && item(a).equals(2)) {
    return unary("pow", Explog::Exp2, out, b, nullptr, 4);
  }
  if (is_complex(d)) return pointwise("pow", complex_power_loop(d), out, a, b, d, nullptr, 32);
  binary("pow", BinaryMath::Pow, out, a, b);
}

}  // namespace plait::cpu
