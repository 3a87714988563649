// The functions of the table in ops/cpu/onednn.h, one file for each family.
#pragma once

#include "ops/cpu/onednn.h"

namespace plait::cpu::dnn {

bool matmul(const MatmulCall& call);
bool conv_forward(const ConvForwardCall& call);
bool conv_backward(const ConvBackwardCall& call);
bool pool_forward(const PoolForwardCall& call);
bool pool_backward(const PoolBackwardCall& call);
bool batch_norm_forward(const BatchNormForwardCall& call);
bool batch_norm_backward(const BatchNormBackwardCall& call);
bool layer_norm_forward(const LayerNormForwardCall& call);
bool layer_norm_backward(const LayerNormBackwardCall& call);
bool softmax_forward(const SoftmaxForwardCall& call);
bool softmax_backward(const SoftmaxBackwardCall& call);

}  // namespace plait::cpu::dnn
