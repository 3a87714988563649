// Emitted by tools/emit_header.py from ops/cross_entropy.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, int64_t, double, bool)> _cross_entropy_rows;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, int64_t, double)> _cross_entropy_rows_backward;
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, int64_t, bool, double, bool)> _cross_entropy_with_grad;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&)> _scale;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t)> _nll_terms;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, int64_t)> _nll_terms_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, std::string_view, double)> cross_entropy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, int64_t, std::string_view)> nll_loss;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor> _cross_entropy_rows(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t ignore_index, double label_smoothing, bool wide) { return op::_cross_entropy_rows(self, target, weight, ignore_index, label_smoothing, wide); }
inline Tensor _cross_entropy_rows_backward(const Tensor& self, const Tensor& logits, const Tensor& lse, const Tensor& target, const Tensor& weight, int64_t ignore_index, double label_smoothing) { return op::_cross_entropy_rows_backward(self, logits, lse, target, weight, ignore_index, label_smoothing); }
inline std::tuple<Tensor, Tensor> _cross_entropy_with_grad(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t ignore_index, bool mean, double label_smoothing, bool wide) { return op::_cross_entropy_with_grad(self, target, weight, ignore_index, mean, label_smoothing, wide); }
inline Tensor _scale(const Tensor& self, const Tensor& factor) { return op::_scale(self, factor); }
inline Tensor _nll_terms(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t ignore_index) { return op::_nll_terms(self, target, weight, ignore_index); }
inline Tensor _nll_terms_backward(const Tensor& self, const Tensor& target, const Tensor& weight, int64_t classes, int64_t ignore_index) { return op::_nll_terms_backward(self, target, weight, classes, ignore_index); }
inline Tensor cross_entropy(const Tensor& self, const Tensor& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean", double label_smoothing = 0.0) { return op::cross_entropy(self, target, weight, ignore_index, reduction, label_smoothing); }
inline Tensor cross_entropy_(const Tensor& self, const Tensor& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean", double label_smoothing = 0.0) { return op::cross_entropy.inplace(self, target, weight, ignore_index, reduction, label_smoothing); }
inline Tensor nll_loss(const Tensor& self, const Tensor& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean") { return op::nll_loss(self, target, weight, ignore_index, reduction); }
inline Tensor nll_loss_(const Tensor& self, const Tensor& target, const Tensor& weight = {}, int64_t ignore_index = -100, std::string_view reduction = "mean") { return op::nll_loss.inplace(self, target, weight, ignore_index, reduction); }
}  // namespace plait
// clang-format on
