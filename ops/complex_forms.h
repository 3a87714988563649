// Functions of complex numbers that are written in other ops, for kernels of any device. Their real forms
// have kernels of their own.
#pragma once

#include <optional>

#include "core/scalar.h"
#include "core/tensor.h"

namespace plait::complex_forms {

PLAIT_API void silu(const Tensor& out, const Tensor& self);
PLAIT_API void softsign(const Tensor& out, const Tensor& self);
PLAIT_API void tanhshrink(const Tensor& out, const Tensor& self);

// Logarithms of sums of exponentials, about the largest real part.
PLAIT_API void logaddexp(const Tensor& out, const Tensor& self, const Tensor& other);
PLAIT_API void logsumexp(const Tensor& out, const Tensor& self, const Dims& dims);
PLAIT_API void logcumsumexp(const Tensor& out, const Tensor& self, int64_t dim);

// The variance, or where `root` its square root: that of the real parts and that of the imaginary parts add
// up. The mean may be null.
PLAIT_API void moments(const Tensor& spread, bool root, const Tensor* mean, const Tensor& self,
                       const Dims& dims, const std::optional<Scalar>& correction);

}  // namespace plait::complex_forms
