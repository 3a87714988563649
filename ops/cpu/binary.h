// Functions of two arguments.
#pragma once

#include "ops/cpu/pointwise.h"
#include "ops/functions.h"

namespace plait::cpu {

template <class E>
struct NumberTable {
  // Arguments and result of one dtype; null where the dtype is not supported.
  LoopTable<E> same;
  // A 16-bit float and a float32 number, on either side: numbers are not rounded to 16 bits first.
  Loop number_right[static_cast<int>(E::Count)][2];
  Loop number_left[static_cast<int>(E::Count)][2];
};
PLAIT_ISA_TABLE(NumberTable<Binary>, binary_table)
PLAIT_ISA_TABLE(NumberTable<Division>, division_table)
PLAIT_ISA_TABLE(NumberTable<BinaryMath>, binary_math_table)
PLAIT_ISA_TABLE(LoopTable<MinMax>, min_max_table)
PLAIT_ISA_TABLE(LoopTable<Bits>, bits_table)

// out = f(a, b), computed in `compute`, the dtype of out.
void binary(const char* op, Binary f, const Tensor& out, const Tensor& a, const Tensor& b, DType compute,
            int cost = 1);
void binary(const char* op, BinaryMath f, const Tensor& out, const Tensor& a, const Tensor& b);
// Raises RuntimeError where an integer is divided by zero.
void divide(const char* op, Division f, const Tensor& out, const Tensor& a, const Tensor& b);
inline void min_max(const char* op, MinMax f, const Tensor& out, const Tensor& a, const Tensor& b) {
  pointwise(op, min_max_table().at(f, out.dtype()), out, a, b, out.dtype());
}
inline void bits(const char* op, Bits f, const Tensor& out, const Tensor& a, const Tensor& b) {
  pointwise(op, bits_table().at(f, out.dtype()), out, a, b, out.dtype());
}
// out = a ^ b. Squares, roots, reciprocals and the like by functions of their own.
void power(const Tensor& out, const Tensor& a, const Tensor& b);

}  // namespace plait::cpu
