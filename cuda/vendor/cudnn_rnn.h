// Stacks of recurrent layers by cuDNN: all layers and directions, and the dropout between them, in one call.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/export.h"
#include "core/generator.h"

namespace plait::cuda {

// May and can cuDNN be used for recurrent layers (plait.backends.cudnn.enabled, the library found)?
bool cudnn_rnn_is_available();

// Compared as bytes: value-initialise it.
struct RnnProblem {
  enum Mode : int32_t { Relu, Tanh, Lstm, Gru };
  enum Settings : int32_t { AllowTf32 = 1, Deterministic = 2 };
  Mode mode;
  int32_t dtype;
  int32_t biases;                            // two for each sum of products, or none
  int32_t bidirectional;                     //
  int32_t training;                          // keeps what the derivative needs
  int32_t packed;                            // rows of sequences of different lengths, without padding
  int32_t input, hidden, projected, layers;  // projected: the size of an LSTM's output, or 0
  int32_t steps, batch;
  float dropout;
  int32_t device;
  int32_t settings;  // filled in by cudnn_rnn_plan

  int64_t gates() const { return mode == Lstm ? 4 : mode == Gru ? 3 : 1; }
  int64_t directions() const { return bidirectional ? 2 : 1; }
  int64_t output() const { return projected ? projected : hidden; }  // of one direction
};

// Where cuDNN wants a parameter: as one block of each gate, from the offset in bytes on.
struct RnnParameter {
  std::vector<int64_t> offsets;
  int64_t rows, columns;  // of a gate's block; a bias has 1 column
  bool bias;
  bool whole;  // the blocks lie one behind the other
};

struct RnnPlan {
  size_t weight_bytes = 0, reserve_bytes = 0, workspace_bytes = 0;
  // In the order of nn.LSTM's parameters: for each layer and direction weight_ih, weight_hh, bias_ih,
  // bias_hh, weight_hr, as far as there are any.
  std::vector<RnnParameter> parameters;
  int algorithm = 0;  // cudnnRNNAlgo_t
};
using RnnPlanPtr = std::shared_ptr<const RnnPlan>;

// The plan of a problem, kept. `lengths`: of each sequence, longest first.
RnnPlanPtr cudnn_rnn_plan(const RnnProblem& problem, std::span<const int32_t> lengths);

// All of them contiguous. Initial states may be null, which is zero.
struct RnnPointers {
  const void *x, *hx, *cx;
  void *y, *hy, *cy;
  const void* weights;
  void* reserve;  // training only
};
// False where cuDNN has the plan's algorithm not for this problem: the next plan is another one. `draw`: what
// dropout begins with; it is drawn from the generator of the default numbers.
bool cudnn_rnn_forward(const RnnPlanPtr& plan, const RnnPointers& pointers, GeneratorImpl::Draw draw);

struct RnnGradients {
  const void *dy, *dhy, *dcy;  // the last two may be null: zero
  void *dx, *dhx, *dcx;        // the last two may be null: not wanted
  void* weights;               // null: not wanted. It is added to
};
// Overwrites the reserve: it serves once.
void cudnn_rnn_backward(const RnnPlanPtr& plan, const RnnPointers& pointers, const RnnGradients& gradients);

// Sets a problem's descriptors, which takes no device, and raises what cuDNN has against them. `algorithm`:
// cudnnRNNAlgo_t.
PLAIT_API void cudnn_rnn_describe(const RnnProblem& problem, std::span<const int32_t> lengths, int algorithm);

}  // namespace plait::cuda
