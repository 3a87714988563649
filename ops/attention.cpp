// Scaled dot-product attention.
#include <cmath>

#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, bool, std::optional<double>, bool)> scaled_dot_product_attention{{
    .schema = "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? attn_mask=None, float dropout_p=0.0, bool is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
    .doc = R"(softmax(query key^T scale + mask) value (Vaswani et al. 2017).

Shapes: query (..., L, E), key (..., S, E), value (..., S, V); result (..., L, V). attn_mask: bool (True takes part) or added to the
scores, broadcast to (..., L, S). scale defaults to 1 / sqrt(E). enable_gqa: query has a multiple of the heads of key and value.
Raises ValueError for attn_mask together with is_causal.

>>> q = plait.ones(1, 2, 4)
>>> plait.scaled_dot_product_attention(q, q, q).shape
plait.Size([1, 2, 4]))",
    .composite = [](const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask, double dropout_p, bool causal,
                    std::optional<double> scale, bool gqa) {
      check(query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2,
            "scaled_dot_product_attention: expected at least 2 dimensions, got query {}, key {}, value {}", query.sizes(), key.sizes(), value.sizes());
      check(query.sizes().back() == key.sizes().back() && key.size(-2) == value.size(-2),
            "scaled_dot_product_attention: query {}, key {} and value {} do not fit: query and key must have one last dimension, key and value "
            "one length", query.sizes(), key.sizes(), value.sizes());
      check(!(mask.defined() && causal), "scaled_dot_product_attention: attn_mask and is_causal=True cannot be given together");
      Tensor k = key, v = value;
      if (gqa) {
        const int64_t heads = query.size(-3), groups = key.size(-3);
        check(groups > 0 && heads % groups == 0, "scaled_dot_product_attention: the {} heads of query are not a multiple of the {} of key", heads, groups);
        k = plait::repeat_interleave(k, heads / groups, std::optional<int64_t>(-3));
        v = plait::repeat_interleave(v, heads / groups, std::optional<int64_t>(-3));
      }
      const auto width = static_cast<double>(query.sizes().back());
      const Tensor scaled = query * Scalar(scale.value_or(1 / std::sqrt(width)));
      Tensor scores = plait::matmul(scaled, plait::transpose(k, -2, -1));
      const Tensor lowest = wrapped_scalar(-std::numeric_limits<double>::infinity());
      if (causal) {
        const Tensor seen = plait::tril(plait::ones(Dims{query.size(-2), key.size(-2)}, DType::Bool, query.device()));
        scores = plait::where(seen, scores, lowest);
      } else if (mask.defined()) {
        scores = mask.dtype() == DType::Bool ? plait::where(mask, scores, lowest) : scores + mask;
      }
      Tensor weights = plait::softmax(scores, -1);
      if (dropout_p > 0) weights = plait::dropout(weights, dropout_p, true);
      return plait::matmul(weights, v);
    },
    .kind = Kind::Matmul,
}};

}  // namespace plait::op
