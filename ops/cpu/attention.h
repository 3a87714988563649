// Attention without the matrix of scores in memory: T. Dao and others, "FlashAttention: Fast and
// Memory-Efficient Exact Attention with IO-Awareness" (2022). Float32; the 16-bit floats are converted around
// it.
#pragma once

#include "core/tensor.h"
#include "ops/cpu/isa.h"

namespace plait::cpu {

// One head. Rows are of unit stride and `_row` elements apart.
struct AttentionHead {
  const float *q, *k, *v;
  int64_t q_row, k_row, v_row;
  // Added to the scores (float), or where a score counts (bool); null: none. Strides in elements, 0 where
  // broadcast.
  const void* mask;
  bool mask_is_bool;
  int64_t mask_row, mask_column;
  int64_t queries, keys, depth, value_depth;
  float scale;
  bool causal;  // query i sees keys 0 ... i

  float* out;  // (queries, value_depth)
  int64_t out_row;
  float* lse;  // (queries): the logarithm of the sum of exponentials of each row's scores; infinite where no
               // key counts

  // The backward pass.
  const float* grad;  // of out
  int64_t grad_row;
  float* dq;       // (queries, depth)
  float *dk, *dv;  // (keys, ...), with room for whole vectors: += ; zeroed by the caller
  int64_t dq_row, dk_row, dv_row;
};

struct AttentionTable {
  int64_t (*forward_workspace)(const AttentionHead& head, int64_t rows);  // in floats
  void (*forward)(const AttentionHead& head, int64_t begin, int64_t end,
                  float* workspace);  // queries begin ... end
  int64_t block;                      // queries that are worked on together
};
PLAIT_ISA_TABLE(AttentionTable, attention_table)

struct AttentionBackwardTable {
  int64_t (*workspace)(const AttentionHead& head);  // in floats
  void (*run)(const AttentionHead& head, float* workspace);
  int64_t lanes;  // floats in a vector: what the rows of dk and dv are padded to
};
PLAIT_ISA_TABLE(AttentionBackwardTable, attention_backward_table)

// query (B, H, Q, D), key (B, Hk, K, D), value (B, Hk, K, Dv); H is a multiple of Hk. The mask broadcasts to
// (B, H, Q, K).
void attention(const Tensor& out, const Tensor& lse, const Tensor& query, const Tensor& key,
               const Tensor& value, const Tensor& mask, bool causal, double scale);
void attention_backward(const Tensor& dq, const Tensor& dk, const Tensor& dv, const Tensor& grad,
                        const Tensor& query, const Tensor& key, const Tensor& value, const Tensor& mask,
                        const Tensor& out, const Tensor& lse, bool causal, double scale);

}  // namespace plait::cpu
