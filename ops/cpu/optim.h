// Fused optimiser steps: one pass over parameter, gradient and state.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"
#include "ops/optim_steps.h"

namespace plait::cpu {

// Memory of one parameter's step: parameter, gradient, up to three states (null where the optimiser has
// none); `n` elements.
struct StepBlock {
  char *param, *state[3];
  const char* grad;
  int64_t n;
};

template <class Step>
using StepFn = void (*)(const StepBlock&, const Step&);

struct OptimTable {  // rows: float16, bfloat16, float32, float64
  StepFn<SgdStep> sgd[4];
  StepFn<AdamStep> adam[4];
  StepFn<RmspropStep> rmsprop[4];
  double (*sum_of_powers[4])(const char* data, int64_t n,
                             double power);  // sum |x|^power; power inf: the largest |x|
};
PLAIT_ISA_TABLE(OptimTable, optim_table)

}  // namespace plait::cpu
