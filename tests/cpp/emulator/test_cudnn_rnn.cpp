// The emulated recurrent layers of cuDNN, loaded as the library is: what is refused, the layout of the
// weights, and what becomes of a reserve.
#ifdef PLAIT_EMULATED_CUDNN
#include "cuda_runtime_api.h"  // before cudnn.h, which includes it within extern "C"

#include <cudnn.h>
#include <dlfcn.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "device.h"

namespace {

void* library() {
  static void* const handle = dlopen(PLAIT_EMULATED_CUDNN, RTLD_NOW | RTLD_LOCAL);
  REQUIRE(handle != nullptr);
  return handle;
}
#define DNN(name) (reinterpret_cast<decltype(&name)>(dlsym(library(), #name)))

constexpr auto kSuccess = CUDNN_STATUS_SUCCESS;
constexpr int kSteps = 3, kBatch = 2, kInput = 4, kHidden = 5;

// An LSTM of one layer, with its descriptors and memory.
struct Net {
  cudnnHandle_t handle;
  cudnnDropoutDescriptor_t dropout;
  cudnnRNNDescriptor_t rnn;
  cudnnRNNDataDescriptor_t x, y;
  cudnnTensorDescriptor_t state;
  size_t weights = 0, workspace = 0, reserve = 0;
  std::vector<void*> blocks;

  explicit Net(int32_t layers = 1) {
    REQUIRE(DNN(cudnnCreate)(&handle) == kSuccess);
    REQUIRE(DNN(cudnnCreateDropoutDescriptor)(&dropout) == kSuccess);
    REQUIRE(DNN(cudnnSetDropoutDescriptor)(dropout, handle, 0, nullptr, 0, 0) == kSuccess);
    REQUIRE(DNN(cudnnCreateRNNDescriptor)(&rnn) == kSuccess);
    REQUIRE(set(kHidden, layers, CUDNN_DATA_FLOAT) == kSuccess);
    REQUIRE(DNN(cudnnCreateRNNDataDescriptor)(&x) == kSuccess);
    REQUIRE(DNN(cudnnCreateRNNDataDescriptor)(&y) == kSuccess);
    REQUIRE(data(x, kInput, {kSteps, kSteps}) == kSuccess);
    REQUIRE(data(y, kHidden, {kSteps, kSteps}) == kSuccess);
    REQUIRE(DNN(cudnnCreateTensorDescriptor)(&state) == kSuccess);
    const int sizes[] = {layers, kBatch, kHidden}, strides[] = {kBatch * kHidden, kHidden, 1};
    REQUIRE(DNN(cudnnSetTensorNdDescriptor)(state, CUDNN_DATA_FLOAT, 3, sizes, strides) == kSuccess);
    REQUIRE(DNN(cudnnGetRNNWeightSpaceSize)(handle, rnn, &weights) == kSuccess);
    REQUIRE(DNN(cudnnGetRNNTempSpaceSizes)(handle, rnn, CUDNN_FWD_MODE_TRAINING, x, &workspace, &reserve) ==
            kSuccess);
  }
  ~Net() {
    cudaDeviceSynchronize();
    for (void* block : blocks) cudaFree(block);
    DNN(cudnnDestroyTensorDescriptor)(state);
    DNN(cudnnDestroyRNNDataDescriptor)(x);
    DNN(cudnnDestroyRNNDataDescriptor)(y);
    DNN(cudnnDestroyRNNDescriptor)(rnn);
    DNN(cudnnDestroyDropoutDescriptor)(dropout);
    DNN(cudnnDestroy)(handle);
  }
  cudnnStatus_t set(int32_t projected, int32_t layers, cudnnDataType_t math,
                    cudnnRNNAlgo_t algorithm = CUDNN_RNN_ALGO_STANDARD,
                    cudnnRNNBiasMode_t bias = CUDNN_RNN_DOUBLE_BIAS, cudnnRNNMode_t mode = CUDNN_LSTM) {
    return DNN(cudnnSetRNNDescriptor_v8)(rnn, algorithm, mode, bias, CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT,
                                         CUDNN_DATA_FLOAT, math, CUDNN_DEFAULT_MATH, kInput, kHidden,
                                         projected, layers, dropout, CUDNN_RNN_PADDED_IO_ENABLED);
  }
  cudnnStatus_t data(cudnnRNNDataDescriptor_t d, int width, std::vector<int> lengths,
                     cudnnRNNDataLayout_t layout = CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED) {
    return DNN(cudnnSetRNNDataDescriptor)(d, CUDNN_DATA_FLOAT, layout, kSteps, kBatch, width, lengths.data(),
                                          nullptr);
  }
  float* memory(size_t bytes, float value) {
    void* block = nullptr;
    REQUIRE(cudaMalloc(&block, bytes) == cudaSuccess);
    blocks.push_back(block);
    const std::vector<float> values(bytes / 4, value);
    REQUIRE(cudaMemcpy(block, values.data(), values.size() * 4, cudaMemcpyHostToDevice) == cudaSuccess);
    return static_cast<float*>(block);
  }
};

std::vector<float> read(const float* from, size_t count) {
  std::vector<float> values(count);
  REQUIRE(cudaMemcpy(values.data(), from, count * 4, cudaMemcpyDeviceToHost) == cudaSuccess);
  return values;
}

}  // namespace

TEST_CASE("the emulated cuDNN refuses descriptors that make no sense") {
  Net net;
  CHECK(net.set(kHidden + 1, 1, CUDNN_DATA_FLOAT) == CUDNN_STATUS_BAD_PARAM);
  CHECK(net.set(kHidden, 0, CUDNN_DATA_FLOAT) == CUDNN_STATUS_BAD_PARAM);
  CHECK(net.set(kHidden, 1, CUDNN_DATA_DOUBLE) == CUDNN_STATUS_NOT_SUPPORTED);
  CHECK(net.set(3, 1, CUDNN_DATA_FLOAT, CUDNN_RNN_ALGO_STANDARD, CUDNN_RNN_DOUBLE_BIAS, CUDNN_GRU) ==
        CUDNN_STATUS_BAD_PARAM);
  CHECK(net.set(kHidden, 1, CUDNN_DATA_FLOAT, CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H, CUDNN_RNN_NO_BIAS) ==
        CUDNN_STATUS_NOT_SUPPORTED);
  constexpr auto packed = CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED;
  CHECK(net.data(net.x, kInput, {2, 3}, packed) == CUDNN_STATUS_BAD_PARAM);  // longest first
  CHECK(net.data(net.x, kInput, {4, 3}) == CUDNN_STATUS_BAD_PARAM);
  CHECK(net.data(net.x, kInput, {2, 2}) == CUDNN_STATUS_BAD_PARAM);
  CHECK(net.data(net.x, kInput, {3, 0}) == CUDNN_STATUS_BAD_PARAM);
  // Packed rows and padded input and output exclude each other.
  REQUIRE(net.data(net.x, kInput, {3, 2}, packed) == kSuccess);
  size_t bytes, more;
  CHECK(DNN(cudnnGetRNNTempSpaceSizes)(net.handle, net.rnn, CUDNN_FWD_MODE_TRAINING, net.x, &bytes, &more) ==
        CUDNN_STATUS_BAD_PARAM);
}

TEST_CASE("the emulated cuDNN's weights do not overlap and fill their space") {
  Net net(2);
  std::vector<int> uses(net.weights / 4, 0);
  cudnnTensorDescriptor_t matrix, bias;
  REQUIRE(DNN(cudnnCreateTensorDescriptor)(&matrix) == kSuccess);
  REQUIRE(DNN(cudnnCreateTensorDescriptor)(&bias) == kSuccess);
  const auto mark = [&](float* at, cudnnTensorDescriptor_t d, int columns) {
    cudnnDataType_t type;
    int dims, sizes[3], strides[3];
    REQUIRE(DNN(cudnnGetTensorNdDescriptor)(d, 3, &type, &dims, sizes, strides) == kSuccess);
    CHECK((dims == 3 && sizes[0] == 1 && sizes[1] == kHidden && sizes[2] == columns));
    const auto first = static_cast<size_t>(at - reinterpret_cast<float*>(4096));
    REQUIRE(first + static_cast<size_t>(kHidden * columns) <= uses.size());
    for (int i = 0; i < kHidden * columns; ++i) ++uses[first + static_cast<size_t>(i)];
  };
  for (int layer = 0; layer < 2; ++layer)
    for (int id = 0; id < 9; ++id) {
      void *matrix_at = nullptr, *bias_at = nullptr;
      REQUIRE(DNN(cudnnGetRNNWeightParams)(net.handle, net.rnn, layer, net.weights,
                                           reinterpret_cast<void*>(4096), id, matrix, &matrix_at, bias,
                                           &bias_at) == kSuccess);
      if (id == 8) {
        CHECK((matrix_at == nullptr && bias_at == nullptr));  // no projection
        continue;
      }
      mark(static_cast<float*>(matrix_at), matrix, id < 4 && layer == 0 ? kInput : kHidden);
      mark(static_cast<float*>(bias_at), bias, 1);
    }
  CHECK(*std::max_element(uses.begin(), uses.end()) == 1);
  const auto used = std::count(uses.begin(), uses.end(), 1);
  CHECK(used == 4 * kHidden * (kInput + 3 * kHidden + 4));
  DNN(cudnnDestroyTensorDescriptor)(matrix);
  DNN(cudnnDestroyTensorDescriptor)(bias);
}

TEST_CASE("the emulated cuDNN's passes come in their order, and sizes are checked") {
  Net net;
  const size_t rows = kSteps * kBatch * 4, states = kBatch * kHidden * 4;
  float *x = net.memory(rows * kInput, 0.5f), *y = net.memory(rows * kHidden, 0),
        *dx = net.memory(rows * kInput, 0), *dy = net.memory(rows * kHidden, 1), *h = net.memory(states, 0),
        *c = net.memory(states, 0), *w = net.memory(net.weights, 0.1f), *dw = net.memory(net.weights, 2),
        *workspace = net.memory(net.workspace, 0), *reserve = net.memory(net.reserve, 0);
  const auto forward = [&](size_t reserve_bytes, const int32_t* lengths = nullptr,
                           const void* input = nullptr) {
    return DNN(cudnnRNNForward)(net.handle, net.rnn, CUDNN_FWD_MODE_TRAINING, lengths, net.x,
                                input ? input : x, net.y, y, net.state, nullptr, h, net.state, nullptr, c,
                                net.weights, w, net.workspace, workspace, reserve_bytes, reserve);
  };
  const auto back = [&] {
    return DNN(cudnnRNNBackwardData_v8)(net.handle, net.rnn, nullptr, net.y, y, dy, net.x, dx, net.state,
                                        nullptr, nullptr, nullptr, net.state, nullptr, nullptr, nullptr,
                                        net.weights, w, net.workspace, workspace, net.reserve, reserve);
  };
  const auto back_weights = [&](cudnnWgradMode_t mode) {
    return DNN(cudnnRNNBackwardWeights_v8)(net.handle, net.rnn, mode, nullptr, net.x, x, net.state, nullptr,
                                           net.y, y, net.weights, dw, net.workspace, workspace, net.reserve,
                                           reserve);
  };
  CHECK(forward(net.reserve - 1) == CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT);
  CHECK(forward(net.reserve, reinterpret_cast<const int32_t*>(x)) == CUDNN_STATUS_BAD_PARAM);
  CHECK(forward(net.reserve, nullptr, &net) == CUDNN_STATUS_EXECUTION_FAILED);  // memory of the host
  REQUIRE(forward(net.reserve) == kSuccess);
  // One step from zeros, written out.
  const double sum = kInput * 0.5 * 0.1 + 2 * 0.1, gate = 1 / (1 + std::exp(-sum));
  CHECK(std::fabs(read(y, 1)[0] - gate * std::tanh(gate * std::tanh(sum))) < 1e-6);
  CHECK(back_weights(CUDNN_WGRAD_MODE_SET) == CUDNN_STATUS_NOT_SUPPORTED);
  REQUIRE(back() == kSuccess);
  CHECK(std::isfinite(read(dx, 1)[0]));
  REQUIRE(back_weights(CUDNN_WGRAD_MODE_ADD) == kSuccess);
  const auto added = read(dw, net.weights / 4);
  CHECK(std::all_of(added.begin(), added.end(), [](float v) { return v >= 2; }));  // to what was there
  REQUIRE(back() == kSuccess);  // over a reserve that was used
  CHECK(std::isnan(read(dx, 1)[0]));
  REQUIRE(forward(net.reserve) == kSuccess);
  REQUIRE(back_weights(CUDNN_WGRAD_MODE_ADD) == kSuccess);  // without the pass that comes before it
  CHECK(std::isnan(read(dw, 1)[0]));
}
#endif
