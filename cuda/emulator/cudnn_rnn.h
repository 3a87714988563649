// What stands in cuDNN's opaque structures here, and a stack of recurrent layers as plain data.
#pragma once

#include "cuda_runtime_api.h"  // cudnn.h would include it within extern "C", which templates cannot be

#include <cudnn.h>

#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)
struct cudnnContext {
  int device;
  cudaStream_t stream;
};
struct cudnnTensorStruct {
  bool set = false;
  cudnnDataType_t type{};
  int dims = 0, sizes[CUDNN_DIM_MAX]{}, strides[CUDNN_DIM_MAX]{};
};
struct cudnnDropoutStruct {
  bool set = false;
  float probability = 0;
  void* states = nullptr;
};
struct cudnnRNNStruct {
  bool set = false;
  cudnnRNNAlgo_t algorithm{};
  cudnnRNNMode_t mode{};
  cudnnRNNBiasMode_t bias{};
  cudnnDirectionMode_t direction{};
  cudnnDataType_t type{}, math{};
  int32_t input = 0, hidden = 0, output = 0, layers = 0;
  cudnnDropoutDescriptor_t dropout = nullptr;
  uint32_t flags = 0;

  int64_t directions() const { return direction == CUDNN_BIDIRECTIONAL ? 2 : 1; }
  int64_t pseudo_layers() const { return layers * directions(); }
  int gates() const { return mode == CUDNN_LSTM ? 4 : mode == CUDNN_GRU ? 3 : 1; }
  bool is_projected() const { return output != hidden; }
  int64_t input_of(int64_t pseudo_layer) const {
    return pseudo_layer < directions() ? input : directions() * output;
  }
};
struct cudnnRNNDataStruct {
  bool set = false;
  cudnnDataType_t type{};
  cudnnRNNDataLayout_t layout{};
  int steps = 0, batch = 0, width = 0;
  std::vector<int> lengths;
};
#pragma GCC visibility pop

namespace emulator {

// The states of the generators of dropout, in device memory.
struct DropoutStates {
  uint64_t magic, seed, calls;
  static constexpr uint64_t kMagic = 0x64726f706f757453;
};
constexpr size_t kDropoutBytes = 4096;

size_t element_size(cudnnDataType_t type);

// Where the matrix and the bias of a product lie in the weight space, in elements; -1: there is none.
//
// The layout is the emulator's own: pseudo-layers from the last to the first; in each the projection, then
// biases and matrices of the state's products, then those of the input's, each group of gates at a multiple
// of 64 bytes. With PLAIT_CUDNN_EMULATOR_SCATTERED=1 in the environment there are also gaps between gates.
struct WeightPlace {
  int64_t matrix = -1, rows = 0, columns = 0, bias = -1;
};
WeightPlace weight_place(const cudnnRNNStruct& rnn, int64_t pseudo_layer, int id);
int64_t weight_elements(const cudnnRNNStruct& rnn);

// A call, checked: copies of all descriptors, since those of the caller may change before it runs.
struct RnnCall {
  cudnnRNNStruct rnn;
  cudnnRNNDataStruct x, y;
  bool training = false;
  float dropout = 0;
  void* states = nullptr;

  int64_t rows() const { return int64_t(x.steps) * x.batch; }
  // Where a step of a sequence lies among the vectors of x and y.
  int64_t vector_of(int step, int sequence) const;
  int64_t vectors() const;  // in memory

  // What is kept for the derivative, in doubles.
  int64_t reserve_doubles() const;
  size_t reserve_bytes() const { return training ? size_t(reserve_doubles()) * 8 : 0; }
  size_t workspace_bytes() const { return 256 + size_t(rows()) * 16; }
};

struct RnnForward {
  const void *x, *hx, *cx, *weights;
  void *y, *hy, *cy, *reserve;
};
void run_forward(const RnnCall& call, const RnnForward& at);

struct RnnBackwardData {
  const void *dy, *hx, *dhy, *cx, *dcy, *weights;
  void *dx, *dhx, *dcx, *reserve;
};
void run_backward_data(const RnnCall& call, const RnnBackwardData& at);

struct RnnBackwardWeights {
  const void *x, *hx;
  void *dweights, *reserve;
};
void run_backward_weights(const RnnCall& call, const RnnBackwardWeights& at);

}  // namespace emulator
