// Scaled dot product attention that never writes the scores: T. Dao and others, "FlashAttention" (2022), with
// the sums of "FlashAttention-2" (2023).
#pragma once

#include <cstdint>

#include "core/dtype.h"

namespace plait::cuda {

// (B, H, rows, depth), elements of a row side by side. Strides in elements.
struct AttentionMatrix {
  void* data;
  int64_t batch, head, row;
  bool vectors;  // set by the functions below: can rows be read by 16 bytes?
};

// query (B, H, L, E), key (B, Hk, S, E), value (B, Hk, S, Ev), H a multiple of Hk.
struct AttentionPlan {
  enum MaskKind : int32_t { None, Bool, Added };

  DType dtype;  // a float, of all matrices and of an added mask
  bool causal;  // query i sees keys 0 to i
  MaskKind mask_kind;
  int64_t batches, heads, key_heads, queries, keys, depth, value_depth;
  double scale;
  AttentionMatrix query, key, value;
  const void* mask;                                     // true: seen; or added to the scores
  int64_t mask_batch, mask_head, mask_query, mask_key;  // strides, 0 where it is broadcast
};

// out = softmax(query key' scale + mask) value, zeros where no key counts. lse (B, H, L), contiguous, in
// float (double for double): logarithms of the sums of exponentials of the scores, infinite where no key
// counts.
void attention(const AttentionPlan& plan, const AttentionMatrix& out, void* lse);

// dq, dk, dv from the gradient of out, with out and lse of the forward pass. The order of all sums is fixed.
void attention_backward(const AttentionPlan& plan, const AttentionMatrix& grad, const AttentionMatrix& out,
                        const void* lse, const AttentionMatrix& dq, const AttentionMatrix& dk,
                        const AttentionMatrix& dv);

}  // namespace plait::cuda
