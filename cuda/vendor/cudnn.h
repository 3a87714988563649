// Convolution and attention by cuDNN's graphs, which is loaded when the first of them asks for it. Plans are
// built once for each problem and kept.
#pragma once

#include <cstdint>
#include <string>

#include "core/dtype.h"
#include "core/export.h"

namespace plait::cuda {

// May and can cuDNN be used here (plait.backends.cudnn.enabled, the library found)?
bool cudnn_is_available();

// Compared as bytes: value-initialise it.
struct ConvProblem {
  enum Pass : int32_t { Forward, InputGrad, WeightGrad };
  enum Settings : int32_t { AllowTf32 = 1, Deterministic = 2, Measure = 4 };
  struct Layout {
    int64_t sizes[5], strides[5];
  };
  Pass pass;
  int32_t dims;  // of the tensors: 4 or 5
  int32_t dtype;
  int32_t has_bias;  // forward only
  Layout x, w, y;    // (N, C, ...), (O, C / groups, ...), (N, O, ...)
  int64_t stride[3], padding[3], dilation[3];
  int32_t device;
  int32_t settings;  // Settings, filled in by cudnn_conv
};

// Writes the pass's result (y, x or w) on the current stream. False where cuDNN has no plan for it, or none
// whose workspace fits into memory.
bool cudnn_conv(const ConvProblem& problem, void* x, void* w, void* y, const void* bias);

struct AttentionProblem {
  struct Layout {
    int64_t sizes[4], strides[4];  // (B, H, rows, depth)
  };
  int32_t dtype, causal;
  Layout q, k, v, out;
  double scale;
  int32_t backward;
  int32_t deterministic;  // filled in by cudnn_attention
  int32_t device;
  int32_t unused;           // every byte counts when problems are compared
  Layout dq, dk, dv, grad;  // backward only
};

struct AttentionPointers {
  const void *q, *k, *v;
  void *out, *lse;  // lse (B, H, queries), float32
  const void* grad;
  void *dq, *dk, *dv;
};

// Scaled dot product attention, forward or backward. False where cuDNN has no plan for it.
bool cudnn_attention(const AttentionProblem& problem, const AttentionPointers& pointers);

// What cuDNN would do with a problem on a device that is not here: it makes plans from a description of the
// device alone, so that a machine without a GPU can see whether a graph is taken, and by which engine.
struct DescribedDevice {
  std::string json;  // as cuDNN writes the properties of a device
  int capability;    // 90 for 9.0
};
struct PlanReport {
  bool found;
  std::string engine;  // with its choices: "eng41_k2=5_k13=1"
  int64_t workspace;   // bytes
  std::string why;     // there is none
};
PLAIT_API PlanReport cudnn_plan(const ConvProblem& problem, const DescribedDevice& device);
PLAIT_API PlanReport cudnn_plan(const AttentionProblem& problem, const DescribedDevice& device);

}  // namespace plait::cuda
