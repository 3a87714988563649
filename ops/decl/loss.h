// Emitted by tools/emit_header.py from ops/loss.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool)> _squared_distance;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&)> _scaled_difference;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, const Tensor&)> mse_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, const Tensor&)> l1_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double)> _huber;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double)> _clamped_difference;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, double)> smooth_l1_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, double, const Tensor&)> huber_loss;
extern PLAIT_API Op<void(const Tensor&)> _check_probabilities;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, std::string_view)> binary_cross_entropy;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, std::string_view, const Tensor&)> binary_cross_entropy_with_logits;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, std::string_view, bool)> kl_div;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, std::string_view)> margin_ranking_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, std::string_view)> hinge_embedding_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, int64_t, double)> cosine_similarity;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, double, double, bool)> pairwise_distance;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, std::string_view)> cosine_embedding_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, double, double, double, bool, std::string_view)> triplet_margin_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool, double, std::string_view)> gaussian_nll_loss;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, bool, bool, double, std::string_view)> poisson_nll_loss;
}  // namespace plait::op

namespace plait {
inline Tensor _squared_distance(const Tensor& self, const Tensor& target, bool mean) { return op::_squared_distance(self, target, mean); }
inline Tensor _scaled_difference(const Tensor& self, const Tensor& other, const Tensor& scale) { return op::_scaled_difference(self, other, scale); }
inline Tensor mse_loss(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", const Tensor& weight = {}) { return op::mse_loss(self, target, reduction, weight); }
inline Tensor mse_loss_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", const Tensor& weight = {}) { return op::mse_loss.inplace(self, target, reduction, weight); }
inline Tensor l1_loss(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", const Tensor& weight = {}) { return op::l1_loss(self, target, reduction, weight); }
inline Tensor l1_loss_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", const Tensor& weight = {}) { return op::l1_loss.inplace(self, target, reduction, weight); }
inline Tensor _huber(const Tensor& self, const Tensor& other, double delta) { return op::_huber(self, other, delta); }
inline Tensor _clamped_difference(const Tensor& self, const Tensor& other, double delta) { return op::_clamped_difference(self, other, delta); }
inline Tensor smooth_l1_loss(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", double beta = 1.0) { return op::smooth_l1_loss(self, target, reduction, beta); }
inline Tensor smooth_l1_loss_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", double beta = 1.0) { return op::smooth_l1_loss.inplace(self, target, reduction, beta); }
inline Tensor huber_loss(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", double delta = 1.0, const Tensor& weight = {}) { return op::huber_loss(self, target, reduction, delta, weight); }
inline Tensor huber_loss_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", double delta = 1.0, const Tensor& weight = {}) { return op::huber_loss.inplace(self, target, reduction, delta, weight); }
inline void _check_probabilities(const Tensor& self) { return op::_check_probabilities(self); }
inline Tensor binary_cross_entropy(const Tensor& self, const Tensor& target, const Tensor& weight = {}, std::string_view reduction = "mean") { return op::binary_cross_entropy(self, target, weight, reduction); }
inline Tensor binary_cross_entropy_(const Tensor& self, const Tensor& target, const Tensor& weight = {}, std::string_view reduction = "mean") { return op::binary_cross_entropy.inplace(self, target, weight, reduction); }
inline Tensor binary_cross_entropy_with_logits(const Tensor& self, const Tensor& target, const Tensor& weight = {}, std::string_view reduction = "mean", const Tensor& pos_weight = {}) { return op::binary_cross_entropy_with_logits(self, target, weight, reduction, pos_weight); }
inline Tensor binary_cross_entropy_with_logits_(const Tensor& self, const Tensor& target, const Tensor& weight = {}, std::string_view reduction = "mean", const Tensor& pos_weight = {}) { return op::binary_cross_entropy_with_logits.inplace(self, target, weight, reduction, pos_weight); }
inline Tensor kl_div(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", bool log_target = false) { return op::kl_div(self, target, reduction, log_target); }
inline Tensor kl_div_(const Tensor& self, const Tensor& target, std::string_view reduction = "mean", bool log_target = false) { return op::kl_div.inplace(self, target, reduction, log_target); }
inline Tensor margin_ranking_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0.0, std::string_view reduction = "mean") { return op::margin_ranking_loss(input1, input2, target, margin, reduction); }
inline Tensor margin_ranking_loss_(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0.0, std::string_view reduction = "mean") { return op::margin_ranking_loss.inplace(input1, input2, target, margin, reduction); }
inline Tensor hinge_embedding_loss(const Tensor& self, const Tensor& target, double margin = 1.0, std::string_view reduction = "mean") { return op::hinge_embedding_loss(self, target, margin, reduction); }
inline Tensor hinge_embedding_loss_(const Tensor& self, const Tensor& target, double margin = 1.0, std::string_view reduction = "mean") { return op::hinge_embedding_loss.inplace(self, target, margin, reduction); }
inline Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim = 1, double eps = 1e-08) { return op::cosine_similarity(x1, x2, dim, eps); }
inline Tensor cosine_similarity_(const Tensor& x1, const Tensor& x2, int64_t dim = 1, double eps = 1e-08) { return op::cosine_similarity.inplace(x1, x2, dim, eps); }
inline Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p = 2.0, double eps = 1e-06, bool keepdim = false) { return op::pairwise_distance(x1, x2, p, eps, keepdim); }
inline Tensor pairwise_distance_(const Tensor& x1, const Tensor& x2, double p = 2.0, double eps = 1e-06, bool keepdim = false) { return op::pairwise_distance.inplace(x1, x2, p, eps, keepdim); }
inline Tensor cosine_embedding_loss(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0.0, std::string_view reduction = "mean") { return op::cosine_embedding_loss(input1, input2, target, margin, reduction); }
inline Tensor cosine_embedding_loss_(const Tensor& input1, const Tensor& input2, const Tensor& target, double margin = 0.0, std::string_view reduction = "mean") { return op::cosine_embedding_loss.inplace(input1, input2, target, margin, reduction); }
inline Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin = 1.0, double p = 2.0, double eps = 1e-06, bool swap = false, std::string_view reduction = "mean") { return op::triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, reduction); }
inline Tensor triplet_margin_loss_(const Tensor& anchor, const Tensor& positive, const Tensor& negative, double margin = 1.0, double p = 2.0, double eps = 1e-06, bool swap = false, std::string_view reduction = "mean") { return op::triplet_margin_loss.inplace(anchor, positive, negative, margin, p, eps, swap, reduction); }
inline Tensor gaussian_nll_loss(const Tensor& self, const Tensor& target, const Tensor& var, bool full = false, double eps = 1e-06, std::string_view reduction = "mean") { return op::gaussian_nll_loss(self, target, var, full, eps, reduction); }
inline Tensor gaussian_nll_loss_(const Tensor& self, const Tensor& target, const Tensor& var, bool full = false, double eps = 1e-06, std::string_view reduction = "mean") { return op::gaussian_nll_loss.inplace(self, target, var, full, eps, reduction); }
inline Tensor poisson_nll_loss(const Tensor& self, const Tensor& target, bool log_input = true, bool full = false, double eps = 1e-08, std::string_view reduction = "mean") { return op::poisson_nll_loss(self, target, log_input, full, eps, reduction); }
inline Tensor poisson_nll_loss_(const Tensor& self, const Tensor& target, bool log_input = true, bool full = false, double eps = 1e-08, std::string_view reduction = "mean") { return op::poisson_nll_loss.inplace(self, target, log_input, full, eps, reduction); }
}  // namespace plait
// clang-format on
