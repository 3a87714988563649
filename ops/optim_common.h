// What the fused optimisers of all devices check.
#pragma once

#include <cmath>
#include <initializer_list>

#include "core/tensor.h"
#include "ops/optim_steps.h"

namespace plait::optim {

struct List {
  const char* name;
  TensorList list;
  bool needed;  // or it may be empty
};

// Do the lists match the parameters, tensor by tensor?
inline void check_lists(const char* op, TensorList params, std::initializer_list<List> others) {
  for (const auto& [name, list, needed] : others) {
    if (list.empty() && !needed) continue;
    check(list.size() == params.size(), "{}: expected {} tensors in '{}', got {}", op,
          static_cast<int64_t>(params.size()), name, static_cast<int64_t>(list.size()));
    for (size_t i = 0; i < list.size(); ++i)
      check(list[i].sizes() == params[i].sizes() && list[i].dtype() == params[i].dtype(),
            "{}: '{}'[{}] has shape {} and dtype {}, its parameter {} and {}", op, name,
            static_cast<int64_t>(i), list[i].sizes(), list[i].dtype(), params[i].sizes(), params[i].dtype());
  }
}

inline void check_floating(const char* op, const Tensor& t) {
  check<TypeError>(is_floating(t.dtype()), "{}: expected parameters of a floating dtype, got {}", op,
                   t.dtype());
}

// Of the arguments that a device may keep.
inline void check_number(const char* op, const char* what, const Tensor& t) {
  check(t.numel() == 1 && !is_complex(t.dtype()),
        "{}: expected {} to be a real number or a tensor of one element, got shape {} of dtype {}", op, what,
        t.sizes(), t.dtype());
}

// Note [Steps of scaled gradients]: a gradient scaler may leave two things to a step, in tensors of one
// element on the parameters' device, so that the host need not wait for them. Where `found_inf` is not 0 the
// step does nothing at all; and gradients are divided by `grad_scale` first, in place. Both are what
// PyTorch's fused optimisers take.
//
// On the CPU: does the step do nothing? Else the gradients are as they were meant.
bool leaves_out(const char* op, TensorList grads, const Tensor& grad_scale, const Tensor& found_inf);

inline fn::AdamStep adam_step(int64_t step, double lr, double beta1, double beta2, double eps,
                              double weight_decay, bool amsgrad, bool maximize, bool decoupled) {
  check(step > 0, "_fused_adam_: expected a step of 1 or more, got {}", step);
  const auto t = static_cast<double>(step);
  return {lr,
          beta1,
          beta2,
          eps,
          weight_decay,
          1 - std::pow(beta1, t),
          std::sqrt(1 - std::pow(beta2, t)),
          amsgrad,
          maximize,
          decoupled};
}

}  // namespace plait::optim
