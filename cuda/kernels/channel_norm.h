// Batch and group normalisation of (N, C, ...): what happens to every element once the statistics are known,
// and the sums that the derivatives are made of. Statistics, weights and sums are float64 for float64, else
// float32.
#pragma once

#include "core/dtype.h"
#include "cuda/reduce_plan.h"

namespace plait::cuda {

struct ChannelPlan {
  DType dtype;              // of all tensors of elements, which lie alike
  bool channels_innermost;  // (N, inner, C) in memory; else (N, C, inner)
  int64_t batch, channels, inner;
  int64_t groups;  // 0: batch norm, statistics (C); else group norm, statistics (N, groups)
  double eps;      // of batch norm

  const void* mean;
  const void* spread;  // batch norm: the biased variance; group norm: 1 / sqrt(variance + eps)
  const void* weight;  // (C) or null
};

// y = (x - mean) / deviation weight + bias
void channel_norm(const ChannelPlan& plan, const void* x, const void* bias, void* y);

// Sums over what the reduction says: of g (x - mean), in batch norm divided by the deviation, and of g.
// Results per channel, or per sample and channel in group norm.
void channel_gradient_sums(const ReducePlan& reduction, const ChannelPlan& plan);

// Batch norm: dx from the results of channel_gradient_sums, dweight and dbias.
void batch_norm_gradient(const ChannelPlan& plan, const void* g, const void* x, const void* dots,
                         const void* sums, void* dx);
// running = running (1 - momentum) + value factor momentum, of up to two vectors; null: none. *counter + 1,
// where there is one.
void move_running(DType dtype, int64_t n, void* const (&running)[2], const void* const (&values)[2],
                  double momentum, const double (&factors)[2], int64_t* counter);

// Group norm: dx, dweight and dbias (C), from the sums. `terms` is scratch memory for 2 x N x groups numbers.
void group_norm_gradient(const ChannelPlan& plan, const void* g, const void* x, const void* dots,
                         const void* sums, void* terms, void* dx, void* dweight, void* dbias);

}  // namespace plait::cuda
