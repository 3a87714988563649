// Emitted by tools/emit_header.py from ops/embedding.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::optional<int64_t>, bool, bool)> embedding;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, int64_t, bool)> _embedding_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, bool)> _embedding_masked;
extern PLAIT_API Op<Tensor(const Tensor&, int64_t)> one_hot;
}  // namespace plait::op

namespace plait {
inline Tensor embedding(const Tensor& weight, const Tensor& indices, std::optional<int64_t> padding_idx = std::nullopt, bool scale_grad_by_freq = false, bool sparse = false) { return op::embedding(weight, indices, padding_idx, scale_grad_by_freq, sparse); }
inline Tensor embedding_(const Tensor& weight, const Tensor& indices, std::optional<int64_t> padding_idx = std::nullopt, bool scale_grad_by_freq = false, bool sparse = false) { return op::embedding.inplace(weight, indices, padding_idx, scale_grad_by_freq, sparse); }
inline Tensor _embedding_backward(const Tensor& grad, const Tensor& indices, int64_t num_weights, int64_t padding_idx, bool scale_grad_by_freq) { return op::_embedding_backward(grad, indices, num_weights, padding_idx, scale_grad_by_freq); }
inline Tensor _embedding_masked(const Tensor& weight, const Tensor& indices, int64_t padding_idx, bool scale_grad_by_freq) { return op::_embedding_masked(weight, indices, padding_idx, scale_grad_by_freq); }
inline Tensor one_hot(const Tensor& self, int64_t num_classes = -1) { return op::one_hot(self, num_classes); }
inline Tensor one_hot_(const Tensor& self, int64_t num_classes = -1) { return op::one_hot.inplace(self, num_classes); }
}  // namespace plait
// clang-format on
