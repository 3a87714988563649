// Kernels of the elementwise functions (ops/functions.h), a family a file. `launcher(function, dtype)` gives
// what runs a plan whose inputs are of `dtype`, with a PointwiseParams that names the function; null where
// the CPU has none either.
#pragma once

#include "core/dtype.h"
#include "cuda/plan.h"
#include "cuda/runtime/fault.h"
#include "ops/functions.h"

namespace plait::cuda {

using Launcher = void (*)(const ElementwisePlan& plan, const void* params);

struct PointwiseParams {
  static constexpr int kMax = 3;

  int function = 0;
  Number numbers[kMax];
  const char* op = nullptr;  // of integer divisions: who divides, and where it says so
  Fault* fault = nullptr;
};

// Results of the inputs' dtype.
Launcher launcher(fn::Unary function, DType dtype);
Launcher launcher(fn::Explog function, DType dtype);
Launcher launcher(fn::Trig function, DType dtype);
Launcher launcher(fn::Special function, DType dtype);
Launcher launcher(fn::Activation function, DType dtype);
Launcher launcher(fn::ActivationGrad function, DType dtype);
Launcher launcher(fn::Binary function, DType dtype);
Launcher launcher(fn::MinMax function, DType dtype);
Launcher launcher(fn::Bits function, DType dtype);
Launcher launcher(fn::Division function, DType dtype);
Launcher launcher(fn::BinaryMath function, DType dtype);
Launcher launcher(fn::Ternary function, DType dtype);
// Results of bool.
Launcher launcher(fn::Compare function, DType dtype);
Launcher launcher(fn::Test function, DType dtype);

// Float32 results of one input in float32 and one of 16 bits, which are converted on the way; null for other
// dtypes.
Launcher mixed_launcher(fn::Binary function, DType out, DType a, DType b);
// a + numbers[0] * b; no bool.
Launcher add_scaled_launcher(DType dtype);
// condition ? a : b, of any dtype with elements of so many bytes. A number comes as the bits of that dtype.
Launcher where_launcher(int64_t itemsize);
// Of bools, zeros and ones: as words where they are aligned.
void combine_bools(const ElementwisePlan& plan, fn::Bits f);
// The derivative of order `numbers[0].integer` of digamma.
Launcher polygamma_launcher(DType dtype);

// ---- complex numbers: the same families, and what leads from them to real numbers and back
Launcher complex_launcher(fn::Unary function, DType dtype);
Launcher complex_launcher(fn::Explog function, DType dtype);
Launcher complex_launcher(fn::Trig function, DType dtype);
Launcher complex_launcher(fn::Binary function, DType dtype);
Launcher complex_add_scaled_launcher(DType dtype);
Launcher complex_power_launcher(DType dtype);
Launcher complex_launcher(fn::Ternary function, DType dtype);
Launcher modulus_launcher(DType dtype);  // real results; dtype: of the arguments
Launcher argument_launcher(DType dtype);
Launcher join_launcher(DType dtype);  // complex results; dtype: of the real parts

}  // namespace plait::cuda
