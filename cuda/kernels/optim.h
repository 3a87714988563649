// Kernels over lists of tensors: optimiser steps, norms, scaling, zeros. A launch takes as many tensors as
// its arguments hold (10 KB), cut into chunks; so a step of a network is a few launches, however many
// parameters it has.
#pragma once

#include "core/dtype.h"
#include "ops/optim_steps.h"

namespace plait::cuda {

// Memory of one parameter's step: parameter, gradient, up to three states (null where the optimiser has
// none).
struct StepTensors {
  static constexpr int kLists = 5;
  char* data[kLists];
  int64_t numel;
  char* lower = nullptr;  // where a float32 parameter is written in 16 bits, too, or null
};
// What a gradient scaler leaves to the step, in device memory (or null): where *found_inf is not 0 nothing is
// done, and gradients are divided by *grad_scale and written back.
struct StepScaling {
  const float *grad_scale, *found_inf;
  bool lower_is_bfloat16 = false;  // else float16
};
// All of one floating dtype.
void fused_step(const StepTensors* tensors, int count, DType dtype, const StepScaling& scaling,
                const fn::SgdStep& step);
// `numbers`, unless null: what `adam_numbers` has written, in place of what the step says.
void fused_step(const StepTensors* tensors, int count, DType dtype, const StepScaling& scaling,
                const fn::AdamStep& step, const double* numbers = nullptr);
void fused_step(const StepTensors* tensors, int count, DType dtype, const StepScaling& scaling,
                const fn::RmspropStep& step);

// What Adam computes from the number of the step and the learning rate, where the device alone knows them, as
// in a captured graph: three doubles in device memory. `step` and `lr` are numbers of any real dtype; an lr
// of null: that of `options`.
constexpr int kAdamNumbers = 3;
void adam_numbers(const void* step, DType step_dtype, const void* lr, DType lr_dtype,
                  const fn::AdamStep& options, double* numbers);

struct DenseTensor {
  char* data;
  int64_t numel;
};
// How many numbers `sum_of_powers` writes.
int64_t norm_parts(const DenseTensor* tensors, int count);
// parts[i] = the sum of |x|^power over a part of the elements, of power infinity the largest |x|.
void sum_of_powers(const DenseTensor* tensors, int count, DType dtype, double power, double* parts);
// out = the norm of order `power` from these sums.
void finish_norm(const double* parts, int64_t count, double power, void* out, DType dtype);

// x *= scale, a number of the opmath type in device memory.
void scale_tensors(const DenseTensor* tensors, int count, DType dtype, const void* scale);
// Writes zeros; `numel` in bytes.
void zero_tensors(const DenseTensor* tensors, int count);

}  // namespace plait::cuda
