// The functions of the table in ops/cpu/onednn.h, one file for each family.
#pragma once

#include "ops/cpu/onednn.h"

namespace plait::cpu::dnn {

bool matmul(const MatmulCall& call);
bool conv_forward(const ConvForwardCall& call);
bool conv_backward(const ConvBackwardCall& call);

}  // namespace plait::cpu::dnn
