// Emitted by tools/emit_header.py from ops/einsum.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(std::string_view, TensorList)> einsum;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t)> tensordot;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, IntSpan, IntSpan)> tensordot_dims;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> kron;
}  // namespace plait::op

namespace plait {
inline Tensor einsum(std::string_view equation, TensorList tensors) { return op::einsum(equation, tensors); }
inline Tensor tensordot(const Tensor& self, const Tensor& other, int64_t dims = 2) { return op::tensordot(self, other, dims); }
inline Tensor tensordot_(const Tensor& self, const Tensor& other, int64_t dims = 2) { return op::tensordot.inplace(self, other, dims); }
inline Tensor tensordot(const Tensor& self, const Tensor& other, IntSpan dims_self, IntSpan dims_other) { return op::tensordot_dims(self, other, dims_self, dims_other); }
inline Tensor tensordot_(const Tensor& self, const Tensor& other, IntSpan dims_self, IntSpan dims_other) { return op::tensordot_dims.inplace(self, other, dims_self, dims_other); }
inline Tensor kron(const Tensor& self, const Tensor& other) { return op::kron(self, other); }
inline Tensor kron_(const Tensor& self, const Tensor& other) { return op::kron.inplace(self, other); }
}  // namespace plait
// clang-format on
