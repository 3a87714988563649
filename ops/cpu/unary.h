// Functions of one argument.
#pragma once

#include "ops/cpu/pointwise.h"

namespace plait::cpu {

enum class Unary : uint8_t {
  Neg,
  Abs,
  Sign,
  Conj,
  Square,
  Reciprocal,
  Sqrt,
  Rsqrt,
  Floor,
  Ceil,
  Round,
  RoundDecimals,
  Trunc,
  Frac,
  BitwiseNot,
  Scale,
  NanToNum,
  Angle,
  Count
};
enum class Explog : uint8_t { Exp, Exp2, Expm1, Log, Log2, Log10, Log1p, Sigmoid, Count };
enum class Trig : uint8_t { Sin, Cos, Tan, Asin, Acos, Atan, Sinh, Cosh, Tanh, Asinh, Acosh, Atanh, Count };
enum class Special : uint8_t { Erf, Erfc, Erfinv, Lgamma, Digamma, Trigamma, Count };

PLAIT_ISA_TABLE(LoopTable<Unary>, unary_table)
PLAIT_ISA_TABLE(LoopTable<Explog>, explog_table)
PLAIT_ISA_TABLE(LoopTable<Trig>, trig_table)
PLAIT_ISA_TABLE(LoopTable<Special>, special_table)

// Functions of complex numbers are libm's and compiled once (complex.cpp).
extern const LoopTable<Unary> complex_unary_table;
extern const LoopTable<Explog> complex_explog_table;
extern const LoopTable<Trig> complex_trig_table;

inline Loop loop_of(Unary f, DType d) {
  return (is_complex(d) ? complex_unary_table : unary_table()).at(f, d);
}
inline Loop loop_of(Explog f, DType d) {
  return (is_complex(d) ? complex_explog_table : explog_table()).at(f, d);
}
inline Loop loop_of(Trig f, DType d) { return (is_complex(d) ? complex_trig_table : trig_table()).at(f, d); }
inline Loop loop_of(Special f, DType d) { return special_table().at(f, d); }

// out = f(a), computed in the dtype of out. `cost`: work of an element beside an addition.
template <class E>
void unary(const char* op, E f, const Tensor& out, const Tensor& a, const void* params = nullptr,
           int cost = 1) {
  pointwise(op, loop_of(f, out.dtype()), out, a, out.dtype(), params, cost);
}

}  // namespace plait::cpu
