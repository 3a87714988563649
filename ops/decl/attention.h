// Emitted by tools/emit_header.py from ops/attention.cpp: do not edit.
#pragma once

#include "core/op.h"

// clang-format off
namespace plait::op {
extern PLAIT_API Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, double)> _attention;
extern PLAIT_API Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, double)> _attention_backward;
extern PLAIT_API Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, bool, std::optional<double>, bool)> scaled_dot_product_attention;
}  // namespace plait::op

namespace plait {
inline std::tuple<Tensor, Tensor> _attention(const Tensor& self, const Tensor& key, const Tensor& value, const Tensor& attn_mask, bool is_causal, double scale) { return op::_attention(self, key, value, attn_mask, is_causal, scale); }
inline std::tuple<Tensor, Tensor, Tensor> _attention_backward(const Tensor& grad, const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask, const Tensor& out, const Tensor& logsumexp, bool is_causal, double scale) { return op::_attention_backward(grad, query, key, value, attn_mask, out, logsumexp, is_causal, scale); }
inline Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask = {}, double dropout_p = 0.0, bool is_causal = false, std::optional<double> scale = std::nullopt, bool enable_gqa = false) { return op::scaled_dot_product_attention(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa); }
inline Tensor scaled_dot_product_attention_(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask = {}, double dropout_p = 0.0, bool is_causal = false, std::optional<double> scale = std::nullopt, bool enable_gqa = false) { return op::scaled_dot_product_attention.inplace(query, key, value, attn_mask, dropout_p, is_causal, scale, enable_gqa); }
}  // namespace plait
// clang-format on
