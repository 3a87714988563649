// Orthogonal polynomials on the CPU.
#pragma once

#include "core/strided_iter.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// Loops over (out, x, degrees), degrees in float64; the params are a fn::PolynomialDerivative. Null for other
// dtypes of out than floating ones.
struct PolynomialTable {
  Loop loop[kDTypeCount];
};
PLAIT_ISA_TABLE(PolynomialTable, polynomial_table)

}  // namespace plait::cpu
