// The functions of ops/bessel.cpp that are vector code on the CPU.
#pragma once

#include "ops/cpu/pointwise.h"

namespace plait::cpu {

// Of the first kind; those that end in e are times exp(-|x|).
enum class ModifiedBessel : uint8_t { I0, I0e, I1, I1e, Count };
PLAIT_ISA_TABLE(LoopTable<ModifiedBessel>, modified_bessel_table)

inline void modified_bessel(const char* op, ModifiedBessel f, const Tensor& out, const Tensor& x) {
  pointwise(op, modified_bessel_table().at(f, out.dtype()), out, x, out.dtype(), nullptr, 16);
}

}  // namespace plait::cpu
