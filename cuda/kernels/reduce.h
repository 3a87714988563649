// Reductions. What the results are: of the input's dtype unless said otherwise.
#pragma once

#include "core/dtype.h"
#include "cuda/reduce_plan.h"

namespace plait::cuda {

enum class ReduceOp : uint8_t {
  Sum,      // int64 for integers and bool; 16-bit floats also as float32; divided by params.divisor
  NanSum,   // floats; NaN counts as 0
  Prod,     // int64 for integers and bool
  NonZero,  // int64
  Any,
  All,  // bool or uint8
  Max,
  Min,  // real; NaN wins
  // Floats, of magnitudes: sum, root of the sum of squares, largest, smallest.
  NormOne,
  NormTwo,
  NormMax,
  NormMin,
  // Floats: squared deviations from the mean / params.divisor, its root with params.root; the second result
  // is the mean.
  Moments,
  LogSumExp,  // floats
  // The largest or smallest element of a single reduced dimension, and where the first such is (int64). NaN
  // wins. Each may be left out.
  MaxPosition,
  MinPosition,
};

// Runs on the current stream; null where the dtype is not supported.
using Reducer = void (*)(const ReducePlan& plan);
Reducer reducer(ReduceOp function, DType dtype);

namespace detail {
Reducer sum_reducer(ReduceOp function, DType dtype);
Reducer extreme_reducer(ReduceOp function, DType dtype);
Reducer moment_reducer(ReduceOp function, DType dtype);
}  // namespace detail

}  // namespace plait::cuda
