// What convolutions and transposed convolutions check alike.
#pragma once

#include <algorithm>
#include <string>

#include "core/op.h"
#include "core/tensor.h"
#include "ops/image_layout.h"

namespace plait::op::conv {

// Of integers, as in PyTorch, int64 alone.
inline constexpr auto kDTypes = static_cast<DTypeSet>(kFloatComplex | set_of(DType::Int64));

// How many windows fit into a dimension; 0 or less where none does.
inline int64_t output_size(int64_t size, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
  const int64_t room = size + 2 * padding - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

// A result in the layout of x: channels-last where x or the weight is.
inline TensorSpec spec_like(const Dims& sizes, const Tensor& x, const Tensor& weight) {
  return image_spec(sizes, is_laid_out_channels_last(weight) ? weight : x, x.dtype());
}

// Dtypes and the values of the lists; returns the op's name as users know it.
inline std::string check_lists(const char* base, const Tensor& x, const Tensor& weight, const Tensor& bias,
                               IntSpan stride, IntSpan padding, IntSpan dilation) {
  constexpr int64_t kMost = int64_t{1} << 31;  // sizes computed from the lists do not overflow
  const std::string op = base[0] == '_' ? std::string(base) : base + std::to_string(stride.size()) + "d";
  check(stride.size() >= 1 && stride.size() <= 3 && padding.size() == stride.size() &&
            dilation.size() == stride.size(),
        "{}: expected one to three entries in each of stride, padding and dilation, got {}, {} and {}", op,
        stride, padding, dilation);
  for (size_t i = 0; i < stride.size(); ++i)
    check(stride[i] > 0 && dilation[i] > 0 && padding[i] >= 0 && stride[i] < kMost && dilation[i] < kMost &&
              padding[i] < kMost,
          "{}: expected stride and dilation of at least 1 and padding of at least 0, got stride {}, dilation "
          "{}, padding {}",
          op, stride, dilation, padding);
  check<TypeError>(
      weight.dtype() == x.dtype() && (!bias.defined() || bias.dtype() == x.dtype()),
      "{}: expected all tensors of one dtype, got self {}, weight {}, bias {}; convert with .to(dtype)", op,
      x.dtype(), weight.dtype(), bias.defined() ? bias.dtype() : x.dtype());
  return op;
}

// self with or without a batch dimension.
inline void check_dims(const char* base, int n, const Tensor& self, const Tensor& weight) {
  check<TypeError>((kDTypes & set_of(self.dtype())) != 0,
                   "{}{}d: expected self of a floating or complex dtype or int64, got {}; convert with "
                   ".to(dtype)",
                   base, n, self.dtype());
  check(
      (self.dim() == n + 2 || self.dim() == n + 1) && weight.dim() == n + 2,
      "{}{}d: expected self with {} dimensions ({} without a batch) and weight with {}, got shapes {} and {}",
      base, n, n + 2, n + 1, n + 2, self.sizes(), weight.sizes());
}

}  // namespace plait::op::conv
