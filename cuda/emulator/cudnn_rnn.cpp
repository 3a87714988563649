// The functions of libcudnn that recurrent layers need, on the CPU, with its names: handles, descriptors, and
// the checks that its documentation promises.
#include "cudnn_rnn.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "emulator/control.h"
#include "emulator/launch.h"

using namespace emulator;

namespace {

cudnnStatus_t ordered(const char* name) {
  switch (ordered_failure(name)) {
    case cudaSuccess: return CUDNN_STATUS_SUCCESS;
    case cudaErrorNotSupported: return CUDNN_STATUS_NOT_SUPPORTED;
    case cudaErrorMemoryAllocation: return CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED;
    default: return CUDNN_STATUS_EXECUTION_FAILED;
  }
}

// The library would not notice, and its kernel would fault.
bool is_reachable(const char* name, const void* data, size_t bytes) {
  if (data && is_device_accessible(data, bytes)) return true;
  std::fprintf(stderr, "CUDA emulator: cuDNN: %s: %zu bytes at %p are not in one block of device memory\n",
               name, bytes, data);
  return false;
}

bool is_float(cudnnDataType_t type) { return element_size(type) != 0; }

// A group of gates begins at a multiple of so many bytes.
constexpr int64_t kGroup = 64;

bool is_scattered() {
  const char* value = std::getenv("PLAIT_CUDNN_EMULATOR_SCATTERED");
  return value && *value == '1';
}

// Calls visit(id, is it the bias, offset) for all blocks of a pseudo-layer; its size in elements.
template <class F>
int64_t walk_weights(const cudnnRNNStruct& rnn, int64_t pseudo_layer, const F& visit) {
  const int64_t group = kGroup / int64_t(element_size(rnn.type)), gap = is_scattered() ? 16 : 0;
  const int gates = rnn.gates();
  int64_t at = 0;
  const auto place = [&](int id, bool bias, int64_t elements) {
    visit(id, bias, at);
    at += elements + gap;
  };
  const auto align = [&] { at = (at + group - 1) / group * group; };
  if (rnn.is_projected()) place(2 * gates, false, int64_t(rnn.output) * rnn.hidden), align();
  for (int part = 1; part >= 0; --part) {
    const int64_t columns = part ? rnn.output : rnn.input_of(pseudo_layer);
    if (rnn.bias == CUDNN_RNN_DOUBLE_BIAS)
      for (int k = 0; k < gates; ++k) place(part * gates + k, true, rnn.hidden);
    align();
    for (int k = 0; k < gates; ++k) place(part * gates + k, false, rnn.hidden * columns);
    align();
  }
  return at;
}

cudnnStatus_t check_rnn(const cudnnRNNStruct& r) {
  const auto is_enum = [](int value, int count) { return value >= 0 && value < count; };
  if (!is_enum(r.algorithm, CUDNN_RNN_ALGO_COUNT) || !is_enum(r.mode, 4) || !is_enum(r.bias, 4) ||
      !is_enum(r.direction, 2))
    return CUDNN_STATUS_BAD_PARAM;
  if (r.input < 1 || r.hidden < 1 || r.layers < 1 || r.output < 1 || r.output > r.hidden)
    return CUDNN_STATUS_BAD_PARAM;
  if (r.is_projected() && r.mode != CUDNN_LSTM) return CUDNN_STATUS_BAD_PARAM;
  if (r.flags > CUDNN_RNN_PADDED_IO_ENABLED) return CUDNN_STATUS_BAD_PARAM;
  if (r.bias != CUDNN_RNN_NO_BIAS && r.bias != CUDNN_RNN_DOUBLE_BIAS) return CUDNN_STATUS_NOT_SUPPORTED;
  const bool fits = r.type == CUDNN_DATA_DOUBLE ? r.math == CUDNN_DATA_DOUBLE
                    : r.type == CUDNN_DATA_HALF ? r.math == CUDNN_DATA_HALF || r.math == CUDNN_DATA_FLOAT
                                                : r.math == CUDNN_DATA_FLOAT;
  if (!is_float(r.type) || !fits) return CUDNN_STATUS_NOT_SUPPORTED;
  // As the library (9.19) does already here.
  if (r.algorithm != CUDNN_RNN_ALGO_STANDARD && r.bias != CUDNN_RNN_DOUBLE_BIAS)
    return CUDNN_STATUS_NOT_SUPPORTED;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t check_data(const cudnnRNNStruct& r, const cudnnRNNDataStruct& x) {
  if (!x.set || x.type != r.type) return CUDNN_STATUS_BAD_PARAM;
  const bool packed = x.layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED;
  if (packed == bool(r.flags & CUDNN_RNN_PADDED_IO_ENABLED)) return CUDNN_STATUS_BAD_PARAM;
  return CUDNN_STATUS_SUCCESS;
}

bool are_equal(const cudnnRNNDataStruct& a) {
  for (const int length : a.lengths)
    if (length != a.steps) return false;
  return true;
}

// Whether the algorithm takes the problem, as far as the documentation tells; the fastest one refuses large
// batches here, as it does where a device has too few multiprocessors.
cudnnStatus_t check_algorithm(const RnnCall& call) {
  if (call.rnn.algorithm == CUDNN_RNN_ALGO_STANDARD) return CUDNN_STATUS_SUCCESS;
  if (call.rnn.is_projected() || call.rnn.type == CUDNN_DATA_DOUBLE || !are_equal(call.x) ||
      call.x.steps > 65535)
    return CUDNN_STATUS_NOT_SUPPORTED;
  const bool gated = call.rnn.gates() > 1;
  const int small = call.training ? (gated ? 128 : 256) : (gated ? 192 : 384);
  if (call.rnn.algorithm == CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H)
    return call.rnn.hidden <= small ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
  return call.rnn.hidden <= 1024 && call.x.batch <= 64 ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_NOT_SUPPORTED;
}

bool is_state(cudnnTensorDescriptor_t d, const cudnnRNNStruct& r, int batch, int64_t width) {
  return d && d->set && d->type == r.type && d->dims == 3 && d->sizes[0] == r.pseudo_layers() &&
         d->sizes[1] == batch && d->sizes[2] == width && d->strides[2] == 1 && d->strides[1] == width &&
         d->strides[0] == batch * width;
}

struct Spaces {
  size_t weight_bytes;
  const void* weights;
  size_t workspace_bytes;
  void* workspace;
  size_t reserve_bytes;
  void* reserve;
};

// Fills in the call from its descriptors and checks everything that all three passes share.
cudnnStatus_t read_call(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, bool training, const int32_t* lengths,
                        cudnnRNNDataDescriptor_t x, cudnnRNNDataDescriptor_t y, cudnnTensorDescriptor_t h,
                        cudnnTensorDescriptor_t c, const Spaces& spaces, RnnCall* call) {
  if (!handle) return CUDNN_STATUS_NOT_INITIALIZED;
  if (!rnn || !rnn->set || !x || !y || !rnn->dropout || !rnn->dropout->set) return CUDNN_STATUS_BAD_PARAM;
  if (lengths) return CUDNN_STATUS_BAD_PARAM;  // deprecated: the descriptors' copy is used
  *call = {*rnn, *x, *y, training, rnn->dropout->probability, rnn->dropout->states};
  for (const cudnnRNNDataStruct* data : {&call->x, &call->y})
    if (const auto status = check_data(*rnn, *data); status != CUDNN_STATUS_SUCCESS) return status;
  if (x->width != rnn->input || y->width != rnn->directions() * rnn->output || x->layout != y->layout ||
      x->steps != y->steps || x->batch != y->batch || x->lengths != y->lengths)
    return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
  if (!is_state(h, *rnn, x->batch, rnn->output)) return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
  if (rnn->mode == CUDNN_LSTM && c && !is_state(c, *rnn, x->batch, rnn->hidden))
    return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
  if (const auto status = check_algorithm(*call); status != CUDNN_STATUS_SUCCESS) return status;
  if (spaces.weight_bytes < size_t(weight_elements(*rnn)) * element_size(rnn->type) ||
      spaces.workspace_bytes < call->workspace_bytes() || spaces.reserve_bytes < call->reserve_bytes())
    return CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT;
  if (!is_reachable("weights", spaces.weights, spaces.weight_bytes) ||
      !is_reachable("workspace", spaces.workspace, spaces.workspace_bytes) ||
      (training && !is_reachable("reserve", spaces.reserve, spaces.reserve_bytes)))
    return CUDNN_STATUS_EXECUTION_FAILED;
  if (call->dropout > 0 && training && rnn->layers > 1 &&
      !is_reachable("states of dropout", call->states, kDropoutBytes))
    return CUDNN_STATUS_EXECUTION_FAILED;
  return CUDNN_STATUS_SUCCESS;
}

// Arrays of x, y and of states; null where they need not be given.
bool are_reachable(const RnnCall& call, std::initializer_list<const void*> x,
                   std::initializer_list<const void*> y, std::initializer_list<const void*> h,
                   std::initializer_list<const void*> c) {
  const size_t size = element_size(call.rnn.type);
  const auto vectors = size_t(call.vectors()), states = size_t(call.rnn.pseudo_layers() * call.x.batch);
  for (const void* p : x)
    if (!is_reachable("x", p, vectors * size_t(call.x.width) * size)) return false;
  for (const void* p : y)
    if (!is_reachable("y", p, vectors * size_t(call.y.width) * size)) return false;
  for (const void* p : h)
    if (p && !is_reachable("hidden state", p, states * size_t(call.rnn.output) * size)) return false;
  for (const void* p : c)
    if (p && !is_reachable("cell state", p, states * size_t(call.rnn.hidden) * size)) return false;
  return true;
}

template <class F>
cudnnStatus_t queue(const char* name, cudnnHandle_t handle, const Spaces& spaces, F body) {
  const cudaError_t queued = enqueue(name, handle->stream, WorkKind::Library, [=] {
    std::memset(spaces.workspace, 0x5A, spaces.workspace_bytes);
    body();
  });
  return queued == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

}  // namespace

namespace emulator {

size_t element_size(cudnnDataType_t type) {
  switch (type) {
    case CUDNN_DATA_FLOAT: return 4;
    case CUDNN_DATA_DOUBLE: return 8;
    case CUDNN_DATA_HALF:
    case CUDNN_DATA_BFLOAT16: return 2;
    default: return 0;
  }
}

int64_t weight_elements(const cudnnRNNStruct& rnn) {
  int64_t sum = 0;
  for (int64_t layer = 0; layer < rnn.pseudo_layers(); ++layer)
    sum += walk_weights(rnn, layer, [](int, bool, int64_t) {});
  return sum;
}

WeightPlace weight_place(const cudnnRNNStruct& rnn, int64_t pseudo_layer, int id) {
  int64_t start = 0;
  for (int64_t layer = rnn.pseudo_layers() - 1; layer > pseudo_layer; --layer)
    start += walk_weights(rnn, layer, [](int, bool, int64_t) {});
  WeightPlace place;
  const bool projection = id == 2 * rnn.gates();
  place.rows = projection ? rnn.output : rnn.hidden;
  place.columns = projection ? rnn.hidden : id < rnn.gates() ? rnn.input_of(pseudo_layer) : rnn.output;
  walk_weights(rnn, pseudo_layer, [&](int which, bool bias, int64_t at) {
    if (which == id) (bias ? place.bias : place.matrix) = start + at;
  });
  return place;
}

int64_t RnnCall::vector_of(int step, int sequence) const {
  if (x.layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED) return int64_t(step) * x.batch + sequence;
  if (x.layout == CUDNN_RNN_DATA_LAYOUT_BATCH_MAJOR_UNPACKED) return int64_t(sequence) * x.steps + step;
  int64_t before = sequence;  // all vectors of earlier steps
  for (const int length : x.lengths) before += length < step ? length : step;
  return before;
}

int64_t RnnCall::vectors() const {
  if (x.layout != CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED) return rows();
  int64_t sum = 0;
  for (const int length : x.lengths) sum += length;
  return sum;
}

}  // namespace emulator

#pragma GCC visibility push(default)
extern "C" {

size_t cudnnGetVersion(void) { return CUDNN_VERSION; }

const char* cudnnGetErrorString(cudnnStatus_t status) {
  switch (status) {
#define EMULATOR_STATUS(name) \
  case name: return #name;
    EMULATOR_STATUS(CUDNN_STATUS_SUCCESS)
    EMULATOR_STATUS(CUDNN_STATUS_NOT_INITIALIZED)
    EMULATOR_STATUS(CUDNN_STATUS_BAD_PARAM)
    EMULATOR_STATUS(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH)
    EMULATOR_STATUS(CUDNN_STATUS_BAD_PARAM_SIZE_INSUFFICIENT)
    EMULATOR_STATUS(CUDNN_STATUS_NOT_SUPPORTED)
    EMULATOR_STATUS(CUDNN_STATUS_EXECUTION_FAILED)
    EMULATOR_STATUS(CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
#undef EMULATOR_STATUS
    default: return "CUDNN_STATUS of another kind";
  }
}

cudnnStatus_t cudnnCreate(cudnnHandle_t* handle) {
  if (!handle) return CUDNN_STATUS_BAD_PARAM;
  if (const auto status = ordered("cudnnCreate"); status != CUDNN_STATUS_SUCCESS) return status;
  int device;
  if (cudaGetDevice(&device) != cudaSuccess) return CUDNN_STATUS_NOT_INITIALIZED;
  *handle = new cudnnContext{device, nullptr};
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnDestroy(cudnnHandle_t handle) {
  delete handle;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetStream(cudnnHandle_t handle, cudaStream_t stream) {
  int device;
  if (!handle || stream_device(stream, &device) != cudaSuccess || device != handle->device)
    return CUDNN_STATUS_BAD_PARAM;
  handle->stream = stream;
  return CUDNN_STATUS_SUCCESS;
}

#define EMULATOR_DESCRIPTOR(name, type)                          \
  cudnnStatus_t cudnnCreate##name(cudnn##name##_t* descriptor) { \
    if (!descriptor) return CUDNN_STATUS_BAD_PARAM;              \
    *descriptor = new type;                                      \
    return CUDNN_STATUS_SUCCESS;                                 \
  }                                                              \
  cudnnStatus_t cudnnDestroy##name(cudnn##name##_t descriptor) { \
    delete descriptor;                                           \
    return CUDNN_STATUS_SUCCESS;                                 \
  }
EMULATOR_DESCRIPTOR(TensorDescriptor, cudnnTensorStruct)
EMULATOR_DESCRIPTOR(DropoutDescriptor, cudnnDropoutStruct)
EMULATOR_DESCRIPTOR(RNNDescriptor, cudnnRNNStruct)
EMULATOR_DESCRIPTOR(RNNDataDescriptor, cudnnRNNDataStruct)

cudnnStatus_t cudnnSetTensorNdDescriptor(cudnnTensorDescriptor_t d, cudnnDataType_t type, int dims,
                                         const int sizes[], const int strides[]) {
  if (!d || !sizes || !strides || !is_float(type) || dims < 3 || dims > CUDNN_DIM_MAX)
    return CUDNN_STATUS_BAD_PARAM;
  for (int i = 0; i < dims; ++i)
    if (sizes[i] < 1 || strides[i] < 1) return CUDNN_STATUS_BAD_PARAM;
  d->set = true, d->type = type, d->dims = dims;
  std::memcpy(d->sizes, sizes, size_t(dims) * sizeof(int));
  std::memcpy(d->strides, strides, size_t(dims) * sizeof(int));
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnGetTensorNdDescriptor(const cudnnTensorDescriptor_t d, int wanted, cudnnDataType_t* type,
                                         int* dims, int sizes[], int strides[]) {
  if (!d || !d->set || !type || !dims) return CUDNN_STATUS_BAD_PARAM;
  *type = d->type, *dims = d->dims;
  const size_t bytes = size_t(wanted < d->dims ? wanted : d->dims) * sizeof(int);
  std::memcpy(sizes, d->sizes, bytes);
  std::memcpy(strides, d->strides, bytes);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnDropoutGetStatesSize(cudnnHandle_t handle, size_t* bytes) {
  if (!handle || !bytes) return CUDNN_STATUS_BAD_PARAM;
  *bytes = kDropoutBytes;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnRestoreDropoutDescriptor(cudnnDropoutDescriptor_t d, cudnnHandle_t handle, float dropout,
                                            void* states, size_t bytes, unsigned long long) {
  if (!d || !handle || !(dropout >= 0 && dropout <= 1) || (states && bytes < kDropoutBytes))
    return CUDNN_STATUS_BAD_PARAM;
  d->set = true, d->probability = dropout, d->states = states;
  return CUDNN_STATUS_SUCCESS;
}
cudnnStatus_t cudnnSetDropoutDescriptor(cudnnDropoutDescriptor_t d, cudnnHandle_t handle, float dropout,
                                        void* states, size_t bytes, unsigned long long seed) {
  if (const auto status = cudnnRestoreDropoutDescriptor(d, handle, dropout, states, bytes, seed);
      status != CUDNN_STATUS_SUCCESS || !states)
    return status;
  if (!is_reachable("states of dropout", states, bytes)) return CUDNN_STATUS_EXECUTION_FAILED;
  const cudaError_t queued = enqueue("cudnnSetDropoutDescriptor", handle->stream, WorkKind::Library, [=] {
    *static_cast<DropoutStates*>(states) = {DropoutStates::kMagic, seed, 0};
  });
  return queued == cudaSuccess ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_EXECUTION_FAILED;
}

cudnnStatus_t cudnnSetRNNDescriptor_v8(cudnnRNNDescriptor_t d, cudnnRNNAlgo_t algorithm, cudnnRNNMode_t mode,
                                       cudnnRNNBiasMode_t bias, cudnnDirectionMode_t direction,
                                       cudnnRNNInputMode_t input_mode, cudnnDataType_t type,
                                       cudnnDataType_t math, cudnnMathType_t, int32_t input, int32_t hidden,
                                       int32_t projected, int32_t layers, cudnnDropoutDescriptor_t dropout,
                                       uint32_t flags) {
  if (!d || input_mode != CUDNN_LINEAR_INPUT) return CUDNN_STATUS_BAD_PARAM;
  const cudnnRNNStruct rnn{true,  algorithm, mode,      bias,   direction, type, math,
                           input, hidden,    projected, layers, dropout,   flags};
  if (const auto status = check_rnn(rnn); status != CUDNN_STATUS_SUCCESS) return status;
  *d = rnn;
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetRNNDataDescriptor(cudnnRNNDataDescriptor_t d, cudnnDataType_t type,
                                        cudnnRNNDataLayout_t layout, int steps, int batch, int width,
                                        const int lengths[], void*) {
  if (!d || !lengths || !is_float(type) || steps < 1 || batch < 1 || width < 1) return CUDNN_STATUS_BAD_PARAM;
  const bool packed = layout == CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED;
  int most = 0;
  for (int i = 0; i < batch; ++i) {
    if (lengths[i] < 1 || lengths[i] > steps) return CUDNN_STATUS_BAD_PARAM;
    if (packed && i > 0 && lengths[i] > lengths[i - 1]) return CUDNN_STATUS_BAD_PARAM;  // longest first
    most = lengths[i] > most ? lengths[i] : most;
  }
  if (most != steps) return CUDNN_STATUS_BAD_PARAM;
  *d = {true, type, layout, steps, batch, width, {lengths, lengths + batch}};
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNWeightSpaceSize(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, size_t* bytes) {
  if (!handle || !rnn || !rnn->set || !bytes) return CUDNN_STATUS_BAD_PARAM;
  *bytes = size_t(weight_elements(*rnn)) * element_size(rnn->type);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNWeightParams(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, int32_t pseudo_layer,
                                      size_t bytes, const void* space, int32_t id,
                                      cudnnTensorDescriptor_t matrix, void** matrix_at,
                                      cudnnTensorDescriptor_t bias, void** bias_at) {
  if (!handle || !rnn || !rnn->set || !space || !matrix || !matrix_at || !bias || !bias_at)
    return CUDNN_STATUS_BAD_PARAM;
  const int ids = 2 * rnn->gates() + (rnn->mode == CUDNN_LSTM);
  if (pseudo_layer < 0 || pseudo_layer >= rnn->pseudo_layers() || id < 0 || id >= ids ||
      bytes < size_t(weight_elements(*rnn)) * element_size(rnn->type))
    return CUDNN_STATUS_BAD_PARAM;
  const WeightPlace place = weight_place(*rnn, pseudo_layer, id);
  const auto at = [&](int64_t offset, cudnnTensorDescriptor_t d, int64_t rows, int64_t columns) -> void* {
    if (offset < 0) return nullptr;
    const int sizes[] = {1, int(rows), int(columns)}, strides[] = {int(rows * columns), int(columns), 1};
    cudnnSetTensorNdDescriptor(d, rnn->type, 3, sizes, strides);
    return static_cast<char*>(const_cast<void*>(space)) + offset * int64_t(element_size(rnn->type));
  };
  *matrix_at = at(place.matrix, matrix, place.rows, place.columns);
  *bias_at = at(place.bias, bias, place.rows, 1);
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnGetRNNTempSpaceSizes(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn,
                                        cudnnForwardMode_t pass, cudnnRNNDataDescriptor_t x,
                                        size_t* workspace, size_t* reserve) {
  const bool training = pass == CUDNN_FWD_MODE_TRAINING;
  if (!handle || !rnn || !rnn->set || !x || !workspace || (training && !reserve))
    return CUDNN_STATUS_BAD_PARAM;
  if (const auto status = check_data(*rnn, *x); status != CUDNN_STATUS_SUCCESS) return status;
  if (x->width != rnn->input) return CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH;
  const RnnCall call{*rnn, *x, *x, training};
  *workspace = call.workspace_bytes();
  if (reserve) *reserve = call.reserve_bytes();
  return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnRNNForward(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, cudnnForwardMode_t pass,
                              const int32_t lengths[], cudnnRNNDataDescriptor_t xd, const void* x,
                              cudnnRNNDataDescriptor_t yd, void* y, cudnnTensorDescriptor_t hd,
                              const void* hx, void* hy, cudnnTensorDescriptor_t cd, const void* cx, void* cy,
                              size_t weight_bytes, const void* weights, size_t workspace_bytes,
                              void* workspace, size_t reserve_bytes, void* reserve) {
  if (const auto status = ordered("cudnnRNNForward"); status != CUDNN_STATUS_SUCCESS) return status;
  const Spaces spaces{weight_bytes, weights, workspace_bytes, workspace, reserve_bytes, reserve};
  RnnCall call;
  if (const auto status =
          read_call(handle, rnn, pass == CUDNN_FWD_MODE_TRAINING, lengths, xd, yd, hd, cd, spaces, &call);
      status != CUDNN_STATUS_SUCCESS)
    return status;
  if (rnn->mode != CUDNN_LSTM && (cx || cy)) return CUDNN_STATUS_BAD_PARAM;
  if (!are_reachable(call, {x}, {y}, {hx, hy}, {cx, cy})) return CUDNN_STATUS_EXECUTION_FAILED;
  return queue("cudnnRNNForward", handle, spaces, [=] {
    run_forward(call, {x, hx, cx, weights, y, hy, cy, reserve});
  });
}

cudnnStatus_t cudnnRNNBackwardData_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn, const int32_t lengths[],
                                      cudnnRNNDataDescriptor_t yd, const void* y, const void* dy,
                                      cudnnRNNDataDescriptor_t xd, void* dx, cudnnTensorDescriptor_t hd,
                                      const void* hx, const void* dhy, void* dhx, cudnnTensorDescriptor_t cd,
                                      const void* cx, const void* dcy, void* dcx, size_t weight_bytes,
                                      const void* weights, size_t workspace_bytes, void* workspace,
                                      size_t reserve_bytes, void* reserve) {
  if (const auto status = ordered("cudnnRNNBackwardData_v8"); status != CUDNN_STATUS_SUCCESS) return status;
  const Spaces spaces{weight_bytes, weights, workspace_bytes, workspace, reserve_bytes, reserve};
  RnnCall call;
  if (const auto status = read_call(handle, rnn, true, lengths, xd, yd, hd, cd, spaces, &call);
      status != CUDNN_STATUS_SUCCESS)
    return status;
  if (rnn->mode != CUDNN_LSTM && (cx || dcy || dcx)) return CUDNN_STATUS_BAD_PARAM;
  if (!are_reachable(call, {dx}, {y, dy}, {hx, dhy, dhx}, {cx, dcy, dcx}))
    return CUDNN_STATUS_EXECUTION_FAILED;
  return queue("cudnnRNNBackwardData_v8", handle, spaces, [=] {
    run_backward_data(call, {dy, hx, dhy, cx, dcy, weights, dx, dhx, dcx, reserve});
  });
}

cudnnStatus_t cudnnRNNBackwardWeights_v8(cudnnHandle_t handle, cudnnRNNDescriptor_t rnn,
                                         cudnnWgradMode_t mode, const int32_t lengths[],
                                         cudnnRNNDataDescriptor_t xd, const void* x,
                                         cudnnTensorDescriptor_t hd, const void* hx,
                                         cudnnRNNDataDescriptor_t yd, const void* y, size_t weight_bytes,
                                         void* dweights, size_t workspace_bytes, void* workspace,
                                         size_t reserve_bytes, void* reserve) {
  if (const auto status = ordered("cudnnRNNBackwardWeights_v8"); status != CUDNN_STATUS_SUCCESS)
    return status;
  if (mode != CUDNN_WGRAD_MODE_ADD) return CUDNN_STATUS_NOT_SUPPORTED;
  const Spaces spaces{weight_bytes, dweights, workspace_bytes, workspace, reserve_bytes, reserve};
  RnnCall call;
  if (const auto status = read_call(handle, rnn, true, lengths, xd, yd, hd, nullptr, spaces, &call);
      status != CUDNN_STATUS_SUCCESS)
    return status;
  if (!are_reachable(call, {x}, {y}, {hx}, {})) return CUDNN_STATUS_EXECUTION_FAILED;
  return queue("cudnnRNNBackwardWeights_v8", handle, spaces, [=] {
    run_backward_weights(call, {x, hx, dweights, reserve});
  });
}

}  // extern "C"
#pragma GCC visibility pop
