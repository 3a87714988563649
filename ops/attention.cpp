// Attention: A. Vaswani and others, "Attention Is All You Need" (2017), equation 1.
#include <cmath>
#include <limits>

#include "ops/cpu/attention.h"
#include "ops/decl/attention.h"
#include "ops/decl/compare.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/matmul.h"
#include "ops/decl/minmax.h"
#include "ops/decl/random.h"
#include "ops/decl/rearrange.h"
#include "ops/decl/reduce.h"
#include "ops/decl/softmax.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

constexpr double kMinusInfinity = -std::numeric_limits<double>::infinity();

Tensor wrapped(double value) { return wrapped_scalar(Scalar(value)); }

// Queries by keys, true where query i sees key j.
Tensor causal_mask(int64_t queries, int64_t keys, Device device) {
  return plait::tril(plait::ones(Dims{queries, keys}, DType::Bool, device));
}

// The scores' softmax; a row without any key that counts gives zeros.
Tensor plain_weights(const Tensor& query, const Tensor& key, const Tensor& mask, bool causal, double scale) {
  Tensor scores = plait::matmul(query * Scalar(scale), plait::mT(key));
  const int ndim = static_cast<int>(scores.dim());
  if (causal)
    scores = plait::masked_fill(
        scores,
        plait::logical_not(causal_mask(scores.sizes()[ndim - 2], scores.sizes()[ndim - 1], scores.device())),
        wrapped(kMinusInfinity));
  if (!mask.defined()) return plait::softmax(scores, -1);
  scores = mask.dtype() == DType::Bool
               ? plait::masked_fill(scores, plait::logical_not(mask), wrapped(kMinusInfinity))
               : scores + mask;
  const Tensor empty = plait::all(plait::eq(scores, wrapped(kMinusInfinity)), IntSpan(Dims{-1}), true);
  return plait::masked_fill(plait::softmax(plait::masked_fill(scores, empty, wrapped(0)), -1), empty,
                            wrapped(0));
}

Tensor plain_attention(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                       double dropout, bool causal, double scale) {
  Tensor weights = plain_weights(query, key, mask, causal, scale);
  if (dropout > 0) weights = plait::dropout(weights, dropout, true);
  return plait::matmul(weights, value);
}

// Of the logarithms of sums, which are more precise than the scores of 16-bit floats.
DType sums_dtype(DType dtype) { return dtype == DType::Float64 ? dtype : DType::Float32; }

void check_cpu_dtype(const char* op, const Tensor& query) {
  check<TypeError>(query.dtype() != DType::Float64,
                   "{}: expected float32, float16 or bfloat16 on the CPU, got float64; use "
                   "scaled_dot_product_attention",
                   op);
}

// A batch of heads that share keys in groups: (B, H, ...) as (B, Hk, H / Hk, ...).
Tensor grouped(const Tensor& t, int64_t key_heads) {
  Dims sizes = t.sizes();
  sizes[1] = key_heads;
  sizes.insert(2, t.sizes()[1] / key_heads);
  return plait::reshape(t, sizes);
}

// The derivative in plain ops, which can be differentiated again.
std::tuple<Tensor, Tensor, Tensor> plain_backward(const Tensor& grad, const Tensor& query, const Tensor& key,
                                                  const Tensor& value, const Tensor& mask, bool causal,
                                                  double scale) {
  const int64_t key_heads = key.sizes()[1];
  if (key_heads != query.sizes()[1]) {
    Tensor parted = mask;
    if (mask.defined())
      parted = grouped(
          plait::expand(mask, Dims{query.sizes()[0], query.sizes()[1], query.sizes()[2], key.sizes()[2]}),
          key_heads);
    const Tensor q = grouped(query, key_heads), g = grouped(grad, key_heads), k = plait::unsqueeze(key, 2),
                 v = plait::unsqueeze(value, 2);
    const Tensor weights = plain_weights(q, k, parted, causal, scale);
    const Tensor dweights = plait::matmul(g, plait::mT(v));
    const Tensor dscores =
        weights * (dweights - plait::sum(dweights * weights, Dims{-1}, true)) * Scalar(scale);
    return {plait::reshape(plait::matmul(dscores, k), query.sizes()),
            plait::sum(plait::matmul(plait::mT(dscores), q), Dims{2}),
            plait::sum(plait::matmul(plait::mT(weights), g), Dims{2})};
  }
  const Tensor weights = plain_weights(query, key, mask, causal, scale);
  const Tensor dweights = plait::matmul(grad, plait::mT(value));
  const Tensor dscores =
      weights * (dweights - plait::sum(dweights * weights, Dims{-1}, true)) * Scalar(scale);
  return {plait::matmul(dscores, key), plait::matmul(plait::mT(dscores), query),
          plait::matmul(plait::mT(weights), grad)};
}

// Contiguous but for the order of the dimensions before the last, which is that of `model`.
Dims strides_like(const Tensor& model, const Dims& sizes) {
  int order[3] = {0, 1, 2};
  for (int i = 1; i < 3; ++i)
    for (int j = i; j > 0 && model.strides()[order[j - 1]] < model.strides()[order[j]]; --j)
      std::swap(order[j - 1], order[j]);
  Dims strides(4, 1);
  int64_t stride = sizes[3];
  for (int i = 2; i >= 0; --i) {
    strides[order[i]] = stride;
    stride *= sizes[order[i]];
  }
  return strides;
}

// Gradients lie as their tensors do, so that the transpositions and views before attention cost nothing
// backward either. Where the three lie side by side, parts of one product, so do the gradients: `split` and
// `unbind` then find their gradient in one piece.
std::array<Tensor, 3> room_for_grads(const Tensor& query, const Tensor& key, const Tensor& value) {
  const int64_t apart = key.storage_offset() - query.storage_offset();
  Dims sizes = query.sizes(), strides = query.strides();
  sizes.push_back(3);
  strides.push_back(apart);
  const bool parts = query.storage() && apart > 0 && value.storage_offset() - key.storage_offset() == apart &&
                     key.storage() == query.storage() && value.storage() == query.storage() &&
                     key.sizes() == query.sizes() && value.sizes() == query.sizes() &&
                     key.strides() == query.strides() && value.strides() == query.strides();
  std::array<Tensor, 3> grads;
  if (parts && is_dense(sizes, strides)) {
    const Tensor block = empty_tensor(TensorSpec(sizes, query.dtype(), query.device(), strides));
    for (int i = 0; i < 3; ++i)
      grads[static_cast<size_t>(i)] =
          from_storage(block.storage(), query.dtype(), query.sizes(), query.strides(), i * apart);
    return grads;
  }
  const auto like = [](const Tensor& t) {
    return empty_tensor(TensorSpec(t.sizes(), t.dtype(), t.device(), strides_like(t, t.sizes())));
  };
  return {like(query), like(key), like(value)};
}

void check_shapes(const Tensor& query, const Tensor& key, const Tensor& value) {
  const char* op = "scaled_dot_product_attention";
  check(query.dim() >= 2 && key.dim() >= 2 && value.dim() >= 2,
        "{}: expected query (..., L, E), key (..., S, E), value (..., S, Ev), got shapes {}, {} and {}; try "
        "unsqueeze(0)",
        op, query.sizes(), key.sizes(), value.sizes());
  check<TypeError>(
      query.dtype() == key.dtype() && key.dtype() == value.dtype(),
      "{}: expected query, key and value of one dtype, got {}, {} and {}; convert with .to(dtype)", op,
      query.dtype(), key.dtype(), value.dtype());
  check(query.sizes().back() == key.sizes().back(),
        "{}: query of shape {} and key of shape {} do not fit: their last dimensions must be equal", op,
        query.sizes(), key.sizes());
  check(key.size(-2) == value.size(-2),
        "{}: key of shape {} and value of shape {} do not fit: their second to last dimensions must be equal",
        op, key.sizes(), value.sizes());
}

// What the fused kernels take.
void check_heads(const char* op, const Tensor& query, const Tensor& key, const Tensor& value,
                 const Tensor& mask) {
  check(query.dim() == 4 && key.dim() == 4 && value.dim() == 4 && key.sizes()[0] == query.sizes()[0] &&
            value.sizes()[0] == query.sizes()[0] && key.sizes()[1] == value.sizes()[1] &&
            (key.sizes()[1] == 0 ? query.sizes()[1] == 0 : query.sizes()[1] % key.sizes()[1] == 0),
        "{}: expected query (B, H, L, E), key (B, Hk, S, E), value (B, Hk, S, Ev), got {}, {} and {}; use "
        "scaled_dot_product_attention",
        op, query.sizes(), key.sizes(), value.sizes());
  check_shapes(query, key, value);
  if (!mask.defined()) return;
  const Dims scores{query.sizes()[0], query.sizes()[1], query.sizes()[2], key.sizes()[2]};
  check(broadcast(mask.sizes(), scores, op) == scores,
        "{}: attn_mask of shape {} does not broadcast to the scores' shape {}", op, mask.sizes(), scores);
  check<TypeError>(mask.dtype() == DType::Bool || mask.dtype() == query.dtype(),
                   "{}: expected attn_mask of dtype bool or {}, got {}", op, query.dtype(), mask.dtype());
}

// As (batch, heads, rows, depth), where the leading dimensions are `leading`.
Tensor as_heads(const Tensor& t, const Dims& leading) {
  if (t.dim() == 4 && t.sizes()[0] == leading[0] && t.sizes()[1] == leading[1] && leading.size() == 2)
    return t;
  Dims sizes = leading;
  sizes.push_back(t.size(-2));
  sizes.push_back(t.size(-1));
  const Tensor whole = plait::expand(t, sizes);
  if (leading.size() == 2) return whole;
  if (leading.size() == 1) return plait::unsqueeze(whole, 0);
  if (leading.empty()) return plait::unsqueeze(plait::unsqueeze(whole, 0), 0);
  return plait::flatten(whole, 0, leading.size() - 2);
}

IntSpan leading_of(const Tensor& t) { return IntSpan(t.sizes().data(), t.sizes().size() - 2); }

}  // namespace

Op<std::tuple<Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&, bool, double)>
    _attention{{
        .schema = "_attention(Tensor self, Tensor key, Tensor value, Tensor? attn_mask, bool is_causal, "
                  "float scale) -> (Tensor out, Tensor logsumexp)",
        .doc =
            R"(Attention of (B, H, L, E) queries in one pass, and the logarithms of the sums of exponentials of the scores.)",
        .meta =
            [](const Tensor& self, const Tensor& key, const Tensor& value, const Tensor& mask, bool, double) {
              check_heads("_attention", self, key, value, mask);
              const Dims& sizes = self.sizes();
              const Dims result{sizes[0], sizes[1], sizes[2], value.sizes()[3]};
              return std::array<TensorSpec, 2>{
                  TensorSpec(result, self.dtype(), self.device(), strides_like(self, result)),
                  TensorSpec(Dims{sizes[0], sizes[1], sizes[2]}, sums_dtype(self.dtype()), self.device())};
            },
        .vjp =
            [](Vjp& v) {
              if (!v.grad(0).defined()) return;
              const Tensor query = v.in(0), key = v.in(1), value = v.in(2), mask = v.in(3);
              const bool causal = v.attr<bool>(4);
              const double scale = v.attr<double>(5);
              if (grad_enabled()) {
                // It will be differentiated: in plain ops.
                auto [dq, dk, dv] = plain_backward(v.grad(0), query, key, value, mask, causal, scale);
                if (v.needs(0)) v.set(0, dq);
                if (v.needs(1)) v.set(1, dk);
                if (v.needs(2)) v.set(2, dv);
                return;
              }
              std::array<Tensor, 3> grads;
              if (v.is_batched()) {
                std::tie(grads[0], grads[1], grads[2]) = plait::_attention_backward(
                    v.grad(0), query, key, value, mask, v.out(0), v.out(1), causal, scale);
              } else {
                grads = room_for_grads(query, key, value);
                op::_attention_backward.run_into(grads, v.grad(0), query, key, value, mask, v.out(0),
                                                 v.out(1), causal, scale);
              }
              for (int i = 0; i < 3; ++i)
                if (v.needs(i)) v.set(i, grads[static_cast<size_t>(i)]);
            },
        .save = "self, key, value, attn_mask, out, logsumexp",
        .kind = Kind::Matmul,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& out, const Tensor& lse, const Tensor& self, const Tensor& key,
               const Tensor& value, const Tensor& attn_mask, bool is_causal, double scale) {
              check_cpu_dtype("_attention", self);
              cpu::attention(out, lse, self, key, value, attn_mask, is_causal, scale);
            },
    }};

Op<std::tuple<Tensor, Tensor, Tensor>(const Tensor&, const Tensor&, const Tensor&, const Tensor&,
                                      const Tensor&, const Tensor&, const Tensor&, bool, double)>
    _attention_backward{{
        .schema = "_attention_backward(Tensor grad, Tensor query, Tensor key, Tensor value, Tensor? "
                  "attn_mask, Tensor out, Tensor logsumexp, bool "
                  "is_causal, float scale) -> (Tensor query, Tensor key, Tensor value)",
        .doc = R"(The derivative of _attention: the scores are computed again, block by block.)",
        .meta =
            [](const Tensor& grad, const Tensor& query, const Tensor& key, const Tensor& value,
               const Tensor& mask, const Tensor& out, const Tensor& lse, bool, double) {
              const char* op = "_attention_backward";
              check_heads(op, query, key, value, mask);
              Dims result = query.sizes(), rows = result;
              result[3] = value.sizes()[3];
              rows.erase(3);
              check(grad.sizes() == result && out.sizes() == result && lse.sizes() == rows &&
                        grad.dtype() == query.dtype() && out.dtype() == query.dtype() &&
                        lse.dtype() == sums_dtype(query.dtype()),
                    "{}: expected grad and out of shape {} and dtype {}, logsumexp of shape {} and dtype "
                    "{}, got {} {}, {} {} and {} {}",
                    op, result, query.dtype(), rows, sums_dtype(query.dtype()), grad.sizes(), grad.dtype(),
                    out.sizes(), out.dtype(), lse.sizes(), lse.dtype());
              const auto like = [](const Tensor& t) { return TensorSpec(t.sizes(), t.dtype(), t.device()); };
              return std::array<TensorSpec, 3>{like(query), like(key), like(value)};
            },
        .kind = Kind::Matmul,
        .dtypes = kFloatDTypes,
        .cpu =
            [](const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& grad, const Tensor& query,
               const Tensor& key, const Tensor& value, const Tensor& attn_mask, const Tensor& out,
               const Tensor& lse, bool is_causal, double scale) {
              check_cpu_dtype("_attention_backward", query);
              cpu::attention_backward(dq, dk, dv, grad, query, key, value, attn_mask, out, lse, is_causal,
                                      scale);
            },
    }};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, bool, std::optional<double>,
          bool)>
    scaled_dot_product_attention{{
        .schema = "scaled_dot_product_attention(Tensor query, Tensor key, Tensor value, Tensor? "
                  "attn_mask=None, float dropout_p=0.0, bool "
                  "is_causal=False, *, float? scale=None, bool enable_gqa=False) -> Tensor",
        .doc = R"(softmax(query @ key.mT * scale + mask) @ value, without keeping the scores in memory.

A bool mask says which keys count for a query, another one is added to the scores; a query without any key gives zeros. is_causal: query
i sees keys 0 to i. scale: 1 / sqrt(E) where not given. dropout_p: of the weights, always applied (pass 0 when evaluating). enable_gqa:
query heads share key heads in groups.

Shapes: query (..., L, E), key (..., S, E), value (..., S, Ev), mask broadcasts to (..., L, S); the result is (..., L, Ev).
Dtypes: floats. Source: A. Vaswani and others, "Attention Is All You Need" (2017).

>>> x = plait.ones(1, 2, 3)
>>> plait.scaled_dot_product_attention(x, x, x)
tensor([[[1., 1., 1.],
         [1., 1., 1.]]]))",
        .composite =
            [](const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& attn_mask,
               double dropout_p, bool is_causal, std::optional<double> given, bool enable_gqa) {
              const char* op = "scaled_dot_product_attention";
              check_shapes(query, key, value);
              check(dropout_p >= 0 && dropout_p < 1,
                    "{}: expected dropout_p in [0, 1), got {}; pass 0.0 for none", op, dropout_p);
              check(!(is_causal && attn_mask.defined()),
                    "{}: attn_mask and is_causal=True exclude each other; put the causal mask into attn_mask",
                    op);
              if (attn_mask.defined()) {
                check<TypeError>(attn_mask.dtype() == DType::Bool || attn_mask.dtype() == query.dtype() ||
                                     attn_mask.dtype() == DType::Float32,
                                 "{}: expected attn_mask of dtype bool or that of query ({}), got {}; "
                                 "convert it with .to(dtype)",
                                 op, query.dtype(), attn_mask.dtype());
              }
              const double scale = given.value_or(
                  1 / std::sqrt(static_cast<double>(std::max<int64_t>(query.sizes().back(), 1))));
              if (enable_gqa)
                check(query.dim() == 4 && key.dim() == 4 && value.dim() == 4 &&
                          key.sizes()[1] == value.sizes()[1] && key.sizes()[1] > 0 &&
                          query.sizes()[1] % key.sizes()[1] == 0,
                      "{}: enable_gqa expects query (B, H, L, E), key and value (B, Hk, S, ...) with H a "
                      "multiple of Hk, got shapes {}, {} and {}",
                      op, query.sizes(), key.sizes(), value.sizes());

              const Dims together = broadcast(leading_of(key), leading_of(value), op);
              const Dims leading =
                  enable_gqa ? Dims(leading_of(query)) : broadcast(leading_of(query), together, op);
              Tensor mask = attn_mask;
              Dims scores = leading;
              scores.push_back(query.size(-2));
              scores.push_back(key.size(-2));
              if (mask.defined()) {
                check(broadcast(mask.sizes(), scores, op) == scores,
                      "{}: attn_mask of shape {} does not broadcast to the scores' shape {}", op,
                      mask.sizes(), scores);
                if (mask.dtype() != DType::Bool && mask.dtype() != query.dtype())
                  mask = plait::_convert(mask, query.dtype());
              }
              const bool on_cuda = query.device().type == DeviceType::CUDA;
              const bool fused =
                  is_floating(query.dtype()) && dropout_p == 0 &&
                  !(mask.defined() && mask.requires_grad() && grad_enabled()) &&
                  (on_cuda || ((query.is_cpu() || query.is_meta()) && query.dtype() != DType::Float64));
              if (fused) {
                if (mask.defined() && leading.size() != 2 && mask.dim() > 2) mask = as_heads(mask, leading);
                const Dims key_leading = enable_gqa ? Dims(leading_of(key)) : leading;
                const Tensor out =
                    std::get<0>(plait::_attention(as_heads(query, leading), as_heads(key, key_leading),
                                                  as_heads(value, key_leading), mask, is_causal, scale));
                if (leading.size() == 2) return out;
                Dims sizes = leading;
                sizes.push_back(query.size(-2));
                sizes.push_back(value.size(-1));
                return plait::reshape(out, sizes);
              }
              if (enable_gqa && key.sizes()[1] != query.sizes()[1]) {
                const int64_t key_heads = key.sizes()[1];
                if (mask.defined()) mask = grouped(plait::expand(mask, scores), key_heads);
                const Tensor out =
                    plain_attention(grouped(query, key_heads), plait::unsqueeze(key, 2),
                                    plait::unsqueeze(value, 2), mask, dropout_p, is_causal, scale);
                return plait::flatten(out, 1, 2);
              }
              return plain_attention(query, key, value, mask, dropout_p, is_causal, scale);
            },
        .kind = Kind::Matmul,
        .dtypes = kFloatDTypes,
    }};

}  // namespace plait::op
