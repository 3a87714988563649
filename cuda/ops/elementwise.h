// From tensors to elementwise kernels.
#pragma once

#include <initializer_list>

#include "core/tensor.h"
#include "cuda/plan.h"

namespace plait::cuda {

// Runs a functor over a plan; null where a dtype is not supported. `params`: what the functor needs besides.
using Launcher = void (*)(const ElementwisePlan& plan, const void* params);

// out = launcher(inputs...), broadcast, with the inputs converted to `compute` first; a 0-d CPU tensor is
// passed as a number in full precision. Raises TypeError naming the op where the launcher is null.
void run_elementwise(const char* op, Launcher launcher, DType compute, const Tensor& out,
                     std::initializer_list<const Tensor*> inputs, const void* params = nullptr);

// The same with inputs of the dtypes that they have, for launchers that know these.
void run_elementwise_as_is(const char* op, Launcher launcher, const Tensor& out,
                           std::initializer_list<const Tensor*> inputs, const void* params = nullptr);

// out = condition ? a : b, with a and b converted to the dtype of out, for a launcher that moves bits.
void run_choice(const char* op, Launcher launcher, const Tensor& out, const Tensor& condition,
                const Tensor& a, const Tensor& b);

// `tensor` in another dtype on the current device; itself where it has it already. No history.
Tensor converted(const Tensor& tensor, DType dtype);
// The same, contiguous.
Tensor contiguous(const Tensor& tensor);

// out = source, broadcast and converted; both on one CUDA device.
void copy_on_device(const Tensor& out, const Tensor& source);

// Is it a number: a 0-d tensor on the CPU?
inline bool is_number(const Tensor& t) { return t.dim() == 0 && t.is_cpu(); }
Number number_of(const Tensor& t);
Number number_of(const Scalar& value);

}  // namespace plait::cuda
