// Fused optimiser steps: the numbers of one step, for the kernels of all devices.
#pragma once

namespace plait {
namespace fn {

// Sutskever et al. 2013, in the form of PyTorch's SGD.
struct SgdStep {
  double lr, momentum, dampening, weight_decay;
  bool nesterov, maximize, first;
};
// Kingma and Ba 2015; decoupled: Loshchilov and Hutter 2019; amsgrad: Reddi et al. 2018.
struct AdamStep {
  double lr, beta1, beta2, eps, weight_decay;
  double correction1, correction2_sqrt;  // 1 - beta1^t, sqrt(1 - beta2^t)
  bool amsgrad, maximize, decoupled;
};
// Tieleman and Hinton 2012; centered: Graves 2013.
struct RmspropStep {
  double lr, alpha, eps, weight_decay, momentum;
  bool centered, maximize;
};

}  // namespace fn

namespace cpu {
using namespace fn;
}  // namespace cpu

}  // namespace plait
