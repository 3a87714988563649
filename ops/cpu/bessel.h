// The functions of ops/bessel.cpp that are vector code on the CPU.
#pragma once

#include "ops/cpu/pointwise.h"
#include "ops/special_bessel.h"

namespace plait::cpu {

PLAIT_ISA_TABLE(LoopTable<fn::Bessel>, bessel_table)

}  // namespace plait::cpu
