// Attention, which never writes the scores: by cuDNN for the 16-bit floats; by own kernels for what it does
// not take (float32 and float64, masks, odd depths), and where it is absent.
#include "ops/decl/attention.h"

#include <cstring>

#include "cuda/attach.h"
#include "cuda/kernels/attention.h"
#include "cuda/ops/elementwise.h"
#include "cuda/vendor/cudnn.h"

namespace plait::cuda {
namespace {

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
  constexpr int64_t kDeepest = 256;
  // Few queries are a matter of reading the keys, which our kernel shares among blocks, and whose number
  // grows from step to step where text is generated: cuDNN would compile a kernel for each.
  constexpr int64_t kFewest = 17;
  return is_reduced_float(query.dtype()) && query.sizes()[2] >= kFewest && !mask.defined() && query.numel() &&
         key.numel() && value.numel() && query.sizes()[3] <= kDeepest && value.sizes()[3] <= kDeepest &&
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

// ---- by own kernels

// Elements of a row side by side.
Tensor with_rows(const Tensor& t) {
  return t.sizes()[3] <= 1 || t.strides()[3] == 1 ? t : cuda::contiguous(t);
}
AttentionMatrix matrix_of(const Tensor& t) {
  // A dimension of one element may have any stride, which would hide that rows are aligned.
  const auto stride = [&](int d) { return t.sizes()[d] == 1 ? 0 : t.strides()[d]; };
  return {const_cast<void*>(t.data_ptr()), stride(0), stride(1), stride(2), false};
}

// query, key and value by rows.
AttentionPlan plan_of(const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                      bool causal, double scale) {
  AttentionPlan p{};
  p.dtype = query.dtype();
  p.causal = causal;
  p.batches = query.sizes()[0], p.heads = query.sizes()[1], p.key_heads = key.sizes()[1];
  p.queries = query.sizes()[2], p.keys = key.sizes()[2];
  p.depth = query.sizes()[3], p.value_depth = value.sizes()[3];
  p.scale = scale;
  p.query = matrix_of(query), p.key = matrix_of(key), p.value = matrix_of(value);
  if (!mask.defined()) return p;
  p.mask_kind = mask.dtype() == DType::Bool ? AttentionPlan::Bool : AttentionPlan::Added;
  p.mask = mask.data_ptr();
  int64_t* const strides[4] = {&p.mask_batch, &p.mask_head, &p.mask_query, &p.mask_key};
  const int missing = 4 - static_cast<int>(mask.dim());
  for (int d = missing; d < 4; ++d)
    *strides[d] = mask.sizes()[d - missing] == 1 ? 0 : mask.strides()[d - missing];
  return p;
}

// A result that kernels can write: itself, or memory that is copied into it at the end.
class Target {
 public:
  Target(const Tensor& result, bool direct)
      : result_(result),
        tensor_(direct ? result : empty_tensor(result.sizes(), result.dtype(), result.device())) {}
  // Rows of any stride.
  static Target rows(const Tensor& t) { return {t, t.sizes()[3] <= 1 || t.strides()[3] == 1}; }
  static Target contiguous(const Tensor& t) { return {t, t.is_contiguous()}; }

  const Tensor& tensor() const { return tensor_; }
  void finish() const {
    if (!tensor_.same(result_)) copy_on_device(result_, tensor_);
  }

 private:
  Tensor result_, tensor_;
};

void forward(const Tensor& out, const Tensor& lse, const Tensor& query, const Tensor& key,
             const Tensor& value, const Tensor& mask, bool causal, double scale) {
  if (out.numel() == 0 && lse.numel() == 0) return;
  if (forward_by_cudnn(out, lse, query, key, value, mask, causal, scale)) return;
  const Tensor q = with_rows(query), k = with_rows(key), v = with_rows(value);
  const Target result = Target::rows(out), sums = Target::contiguous(lse);
  attention(plan_of(q, k, v, mask, causal, scale), matrix_of(result.tensor()), sums.tensor().data_ptr());
  result.finish();
  sums.finish();
}

void backward(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& grad, const Tensor& query,
              const Tensor& key, const Tensor& value, const Tensor& mask, const Tensor& out,
              const Tensor& lse, bool causal, double scale) {
  if (backward_by_cudnn(dq, dk, dv, grad, query, key, value, mask, out, lse, causal, scale)) return;
  const Tensor q = with_rows(query), k = with_rows(key), v = with_rows(value), g = with_rows(grad),
               o = with_rows(out), sums = cuda::contiguous(lse);
  const Target to_q = Target::rows(dq), to_k = Target::rows(dk), to_v = Target::rows(dv);
  attention_backward(plan_of(q, k, v, mask, causal, scale), matrix_of(g), matrix_of(o), sums.data_ptr(),
                     matrix_of(to_q.tensor()), matrix_of(to_k.tensor()), matrix_of(to_v.tensor()));
  for (const Target* target : {&to_q, &to_k, &to_v}) target->finish();
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
