// Attention: cuDNN's kernels for the 16-bit floats, which never write the scores; plain products in float32
// for what it does not take (float32 itself, masks, odd depths).
#include "ops/decl/attention.h"

#include <cstring>
#include <limits>

#include "cuda/attach.h"
#include "cuda/ops/elementwise.h"
#include "cuda/vendor/cudnn.h"
#include "ops/decl/arithmetic.h"
#include "ops/decl/compare.h"
#include "ops/decl/create.h"
#include "ops/decl/exponential.h"
#include "ops/decl/logical.h"
#include "ops/decl/matmul.h"
#include "ops/decl/norm_reduce.h"
#include "ops/decl/rearrange.h"
#include "ops/decl/reduce.h"
#include "ops/decl/ternary.h"
#include "ops/decl/view.h"

namespace plait::cuda {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// ---- by cuDNN

void set_layout(AttentionProblem::Layout& to, const Tensor& t) {
  for (int d = 0; d < 4; ++d) to.sizes[d] = t.sizes()[d], to.strides[d] = t.strides()[d];
}

// Rows of 16-byte multiples whose elements lie side by side.
bool is_readable(const Tensor& t) {
  if (t.strides()[3] != 1 || t.sizes()[3] % 8 || reinterpret_cast<uintptr_t>(t.data_ptr()) % 16) return false;
  for (int d = 0; d < 3; ++d)
    if (t.strides()[d] % 8 || t.strides()[d] <= 0) return false;
  return true;
}
bool fits_cudnn(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask) {
  constexpr int64_t kDeepest = 128;
  return is_reduced_float(query.dtype()) && !mask.defined() && query.numel() && key.numel() &&
         value.numel() && query.sizes()[3] <= kDeepest && value.sizes()[3] <= kDeepest &&
         cudnn_is_available();
}
Tensor readable(const Tensor& t) { return is_readable(t) ? t : cuda::contiguous(t); }

AttentionProblem problem_of(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& out,
                            bool causal, double scale) {
  AttentionProblem p;
  std::memset(&p, 0, sizeof(p));
  p.dtype = static_cast<int32_t>(query.dtype());
  p.causal = causal;
  p.scale = scale;
  p.device = current_device();
  set_layout(p.q, query), set_layout(p.k, key), set_layout(p.v, value), set_layout(p.out, out);
  return p;
}

bool forward_by_cudnn(const Tensor& out, const Tensor& lse, const Tensor& query, const Tensor& key,
                      const Tensor& value, const Tensor& mask, bool causal, double scale) {
  if (!fits_cudnn(query, key, value, mask)) return false;
  const Tensor q = readable(query), k = readable(key), v = readable(value);
  if (!is_readable(q) || !is_readable(k) || !is_readable(v) || !is_readable(out) || !lse.is_contiguous())
    return false;
  const AttentionProblem p = problem_of(q, k, v, out, causal, scale);
  AttentionPointers at{};
  at.q = q.data_ptr(), at.k = k.data_ptr(), at.v = v.data_ptr();
  at.out = out.data_ptr(), at.lse = lse.data_ptr();
  return cudnn_attention(p, at);
}

bool backward_by_cudnn(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& grad,
                       const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                       const Tensor& out, const Tensor& lse, bool causal, double scale) {
  if (!fits_cudnn(query, key, value, mask)) return false;
  const Tensor q = readable(query), k = readable(key), v = readable(value), o = readable(out),
               g = readable(grad), stats = cuda::contiguous(lse);
  for (const Tensor* t : {&q, &k, &v, &o, &g, &dq, &dk, &dv})
    if (!is_readable(*t)) return false;
  AttentionProblem p = problem_of(q, k, v, o, causal, scale);
  p.backward = 1;
  set_layout(p.dq, dq), set_layout(p.dk, dk), set_layout(p.dv, dv), set_layout(p.grad, g);
  AttentionPointers at{};
  at.q = q.data_ptr(), at.k = k.data_ptr(), at.v = v.data_ptr(), at.out = o.data_ptr(),
  at.lse = stats.data_ptr();
  at.grad = g.data_ptr(), at.dq = dq.data_ptr(), at.dk = dk.data_ptr(), at.dv = dv.data_ptr();
  return cudnn_attention(p, at);
}

// ---- by products

// (B, H, ...) as (B, Hk, H / Hk, ...): heads that share keys.
Tensor grouped(const Tensor& t, int64_t key_heads) {
  Dims sizes = t.sizes();
  sizes[1] = key_heads;
  sizes.insert(2, t.sizes()[1] / key_heads);
  return plait::reshape(t, sizes);
}
Tensor number(double value) { return wrapped_scalar(Scalar(value)); }

// Everything in float32, with a dimension for the group.
struct Heads {
  int64_t key_heads;
  Tensor q, k, v, scores;  // scores (B, Hk, H / Hk, L, S), masked

  Heads(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask, bool causal,
        double scale)
      : key_heads(key.sizes()[1]) {
    q = wide(query), k = plait::unsqueeze(converted(key, DType::Float32), 2),
    v = plait::unsqueeze(converted(value, DType::Float32), 2);
    scores = plait::matmul(plait::mul(q, number(scale)), plait::mT(k));
    const int64_t rows = query.sizes()[2], columns = key.sizes()[2];
    if (causal) hide(plait::tril(plait::ones(Dims{rows, columns}, DType::Bool, query.device())));
    if (!mask.defined()) return;
    const Tensor whole =
        grouped(plait::expand(mask, Dims{query.sizes()[0], query.sizes()[1], rows, columns}), key_heads);
    if (mask.dtype() == DType::Bool)
      hide(whole);
    else
      scores = plait::add(scores, whole, 1);
  }
  Tensor wide(const Tensor& t) const { return grouped(converted(t, DType::Float32), key_heads); }
  void hide(const Tensor& seen) {
    scores = plait::masked_fill(scores, plait::logical_not(seen), number(-kInfinity));
  }
  // Of a row's sum; infinite where no key counts, so that its weights are zero.
  Tensor weights(const Tensor& lse) const {
    return plait::exp(plait::sub(scores, plait::unsqueeze(lse, -1), 1));
  }
};

void forward(const Tensor& out, const Tensor& lse, const Tensor& query, const Tensor& key,
             const Tensor& value, const Tensor& mask, bool causal, double scale) {
  if (out.numel() == 0 && lse.numel() == 0) return;
  if (forward_by_cudnn(out, lse, query, key, value, mask, causal, scale)) return;
  NoGrad guard;
  if (key.sizes()[2] == 0) {
    copy_on_device(out, number(0));
    return copy_on_device(lse, number(kInfinity));
  }
  const Heads heads(query, key, value, mask, causal, scale);
  Tensor sums = plait::logsumexp(heads.scores, Dims{-1}, false);
  sums = plait::masked_fill(sums, plait::eq(sums, number(-kInfinity)), number(kInfinity));
  const Tensor result = plait::matmul(heads.weights(sums), heads.v);
  copy_on_device(out, plait::reshape(result, out.sizes()));
  copy_on_device(lse, plait::reshape(sums, lse.sizes()));
}

void backward(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& grad, const Tensor& query,
              const Tensor& key, const Tensor& value, const Tensor& mask, const Tensor& out,
              const Tensor& lse, bool causal, double scale) {
  if (backward_by_cudnn(dq, dk, dv, grad, query, key, value, mask, out, lse, causal, scale)) return;
  NoGrad guard;
  if (query.numel() == 0 || key.numel() == 0 || grad.numel() == 0) {
    for (const Tensor* t : {&dq, &dk, &dv}) copy_on_device(*t, number(0));
    return;
  }
  const Heads heads(query, key, value, mask, causal, scale);
  const Tensor g = heads.wide(grad), o = heads.wide(out);
  const Tensor weights =
      heads.weights(plait::squeeze(grouped(plait::unsqueeze(lse, -1), heads.key_heads), Dims{-1}));
  // dP = g v', dS = P (dP - sum(g o)) scale
  const Tensor dweights = plait::matmul(g, plait::mT(heads.v));
  const Tensor row_sums = plait::sum(plait::mul(g, o), Dims{-1}, true, std::nullopt);
  const Tensor dscores = plait::mul(plait::mul(weights, plait::sub(dweights, row_sums, 1)), number(scale));
  const auto over_group = [](const Tensor& t) { return plait::sum(t, Dims{2}, false, std::nullopt); };
  copy_on_device(dq, plait::reshape(plait::matmul(dscores, heads.k), dq.sizes()));
  copy_on_device(dk, over_group(plait::matmul(plait::mT(dscores), heads.q)));
  copy_on_device(dv, over_group(plait::matmul(plait::mT(weights), g)));
}

CudaKernel attention_kernel(op::_attention,
                            [](const Tensor& out, const Tensor& lse, const Tensor& query, const Tensor& key,
                               const Tensor& value, const Tensor& mask, bool causal,
                               double scale) { forward(out, lse, query, key, value, mask, causal, scale); });
CudaKernel attention_backward_kernel(op::_attention_backward,
                                     [](const Tensor& dq, const Tensor& dk, const Tensor& dv,
                                        const Tensor& grad, const Tensor& query, const Tensor& key,
                                        const Tensor& value, const Tensor& mask, const Tensor& out,
                                        const Tensor& lse, bool causal, double scale) {
                                       backward(dq, dk, dv, grad, query, key, value, mask, out, lse, causal,
                                                scale);
                                     });

}  // namespace
}  // namespace plait::cuda
