// Functions of one argument.
#pragma once

#include "ops/cpu/pointwise.h"
#include "ops/functions.h"

namespace plait::cpu {

PLAIT_ISA_TABLE(LoopTable<Unary>, unary_table)
PLAIT_ISA_TABLE(LoopTable<Explog>, explog_table)
PLAIT_ISA_TABLE(LoopTable<Trig>, trig_table)
PLAIT_ISA_TABLE(LoopTable<Special>, special_table)

// Functions of complex numbers are libm's and compiled once (complex.cpp), but for a few simple ones.
extern const LoopTable<Unary> complex_unary_table;
extern const LoopTable<Explog> complex_explog_table;
extern const LoopTable<Trig> complex_trig_table;

inline Loop loop_of(Unary f, DType d) {
  const Loop loop = unary_table().at(f, d);
  return loop || !is_complex(d) ? loop : complex_unary_table.at(f, d);
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
