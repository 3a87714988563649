#include "cuda/vendor/cudnn_rnn.h"

#include <dlfcn.h>

#include <array>
#include <cstdlib>
#include <mutex>
#include <string>
#include <type_traits>
#include <unordered_map>
#include <unordered_set>

#include "core/dtype.h"
#include "core/error.h"
#include "core/tensor.h"
#include "cuda/runtime/allocator.h"
#include "cuda/runtime/event.h"
#include "cuda/runtime/event_pool.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/settings.h"
#include "cuda/vendor/cudnn_library.h"

namespace plait::cuda {
namespace {

// A program of ever new lengths starts over.
constexpr size_t kMostPlans = 1024;

// What cuDNN's persistent kernels count steps in.
constexpr int32_t kMostPersistentSteps = 65535;

#define PLAIT_CUDNN_RNN_FUNCTIONS(X) \
  X(CreateTensorDescriptor)          \
  X(DestroyTensorDescriptor)         \
  X(SetTensorNdDescriptor)           \
  X(GetTensorNdDescriptor)           \
  X(CreateDropoutDescriptor)         \
  X(DestroyDropoutDescriptor)        \
  X(DropoutGetStatesSize)            \
  X(SetDropoutDescriptor)            \
  X(RestoreDropoutDescriptor)        \
  X(CreateRNNDescriptor)             \
  X(DestroyRNNDescriptor)            \
  X(SetRNNDescriptor_v8)             \
  X(CreateRNNDataDescriptor)         \
  X(DestroyRNNDataDescriptor)        \
  X(SetRNNDataDescriptor)            \
  X(GetRNNTempSpaceSizes)            \
  X(GetRNNWeightSpaceSize)           \
  X(GetRNNWeightParams)              \
  X(RNNForward)                      \
  X(RNNBackwardData_v8)              \
  X(RNNBackwardWeights_v8)

struct Functions {
#define PLAIT_FUNCTION(name) decltype(&cudnn##name) name;
  PLAIT_CUDNN_RNN_FUNCTIONS(PLAIT_FUNCTION)
#undef PLAIT_FUNCTION
  bool load(void* library) {
    bool all = true;
    const auto find = [&](auto& function, const char* name) {
      function = reinterpret_cast<std::decay_t<decltype(function)>>(dlsym(library, name));
      all = all && function;
    };
#define PLAIT_FUNCTION(name) find(name, "cudnn" #name);
    PLAIT_CUDNN_RNN_FUNCTIONS(PLAIT_FUNCTION)
#undef PLAIT_FUNCTION
    return all;
  }
};

const Functions* functions() {
  static const Functions* const loaded = []() -> const Functions* {
    void* library = cudnn_library();
    auto table = std::make_unique<Functions>();
    return library && table->load(library) ? table.release() : nullptr;
  }();
  return loaded;
}

void check_status(cudnnStatus_t status, const char* call) {
  if (__builtin_expect(status != CUDNN_STATUS_SUCCESS, 0))
    fail<RuntimeError>(
        "recurrent layer on cuda: {} failed: {}; with plait.backends.cudnn.flags(enabled=False) it goes "
        "without cuDNN",
        call, cudnn_status_text(status));
}
#define PLAIT_CUDNN(name, ...) check_status(functions()->name(__VA_ARGS__), "cudnn" #name)

bool is_not_supported(cudnnStatus_t status) {
  return CUDNN_STATUS_CATEGORY(static_cast<int>(status)) == CUDNN_STATUS_NOT_SUPPORTED;
}

cudnnDataType_t data_type(int32_t dtype) {
  switch (static_cast<DType>(dtype)) {
    case DType::Float16: return CUDNN_DATA_HALF;
    case DType::BFloat16: return CUDNN_DATA_BFLOAT16;
    case DType::Float64: return CUDNN_DATA_DOUBLE;
    default: return CUDNN_DATA_FLOAT;
  }
}
cudnnMathType_t math_type(const RnnProblem& p) {
  if (static_cast<DType>(p.dtype) == DType::Float16) return CUDNN_TENSOR_OP_MATH;
  const bool exact = static_cast<DType>(p.dtype) == DType::Float32 && !(p.settings & RnnProblem::AllowTf32);
  return exact ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH;
}

// ---- descriptors

template <class T>
struct Kind;
#define PLAIT_DESCRIPTOR(type, name)                               \
  template <>                                                      \
  struct Kind<type> {                                              \
    static void create(type* d) { PLAIT_CUDNN(Create##name, d); }  \
    static void destroy(type d) { functions()->Destroy##name(d); } \
  };
PLAIT_DESCRIPTOR(cudnnTensorDescriptor_t, TensorDescriptor)
PLAIT_DESCRIPTOR(cudnnDropoutDescriptor_t, DropoutDescriptor)
PLAIT_DESCRIPTOR(cudnnRNNDescriptor_t, RNNDescriptor)
PLAIT_DESCRIPTOR(cudnnRNNDataDescriptor_t, RNNDataDescriptor)
#undef PLAIT_DESCRIPTOR

template <class T>
class Descriptor {
 public:
  Descriptor() { Kind<T>::create(&handle_); }
  ~Descriptor() { Kind<T>::destroy(handle_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  operator T() const { return handle_; }

 private:
  T handle_ = nullptr;
};

using TensorDescriptor = Descriptor<cudnnTensorDescriptor_t>;

void set_state(const TensorDescriptor& descriptor, cudnnDataType_t type, int64_t a, int64_t b, int64_t c) {
  const int sizes[] = {static_cast<int>(a), static_cast<int>(b), static_cast<int>(c)};
  const int strides[] = {sizes[1] * sizes[2], sizes[2], 1};
  PLAIT_CUDNN(SetTensorNdDescriptor, descriptor, type, 3, sizes, strides);
}

// ---- dropout

// Note [Masks of cuDNN]: cuDNN draws the masks between layers from generators of its own, whose states lie on
// the device and move on with each call; seeding them takes it long. They are seeded when they are first
// needed, and again when the default generator was (plait.manual_seed, a state that was set): its seed is
// another one, or its offset went back. So a program that begins with plait.manual_seed draws the same masks
// each time. What needs the masks of a single call again, or must draw them anew at each replay of a graph,
// goes layer by layer, with plait's own dropout between them (nn/modules/rnn.py).
struct DropoutStates {
  std::mutex mutex;
  Storage memory;
  size_t bytes = 0;
  bool seeded = false;
  GeneratorImpl::Draw last{};
  cudaEvent_t used = nullptr;  // behind the last call
  cudaStream_t stream = nullptr;
};
DropoutStates& dropout_states(int device) {
  static auto* all = new std::array<DropoutStates, kMaxDevices>;
  return (*all)[static_cast<size_t>(device)];
}

// The generators' memory, which is asked for once.
void ensure_memory(DropoutStates& states, int device) {
  std::lock_guard lock(states.mutex);
  if (states.memory) return;
  PLAIT_CUDNN(DropoutGetStatesSize, cudnn_handle(), &states.bytes);
  states.memory = allocate_storage(states.bytes, device);
  states.stream = current_stream();
  states.used = take_event(device);
  if (!states.used || !record_event(device, states.used, states.stream))
    fail<RuntimeError>("dropout of recurrent layers on cuda: no event could be recorded");
}

// ---- plans

// PERSIST_STATIC_SMALL_H keeps the matrix of the recurrence in the registers of one block, PERSIST_STATIC in
// those of all of them: for these sizes both are several times as fast as a product a step. They know no
// sequences of different lengths and no projection. One algorithm serves the forward pass and the derivative,
// which reads what it left; the limits of the latter are the tighter ones.
cudnnRNNAlgo_t best_algorithm(const RnnProblem& p) {
  const auto dtype = static_cast<DType>(p.dtype);
  if (p.packed || p.projected || dtype == DType::Float64 || p.steps > kMostPersistentSteps ||
      p.settings & RnnProblem::Deterministic)
    return CUDNN_RNN_ALGO_STANDARD;
  const bool gated = p.mode == RnnProblem::Lstm || p.mode == RnnProblem::Gru;
  const int32_t small = p.training ? (gated ? 128 : 256) : (gated ? 192 : 384);
  if (p.hidden <= small) return CUDNN_RNN_ALGO_PERSIST_STATIC_SMALL_H;
  const DeviceProperties& device = properties(p.device);
  if (dtype == DType::Float16 && p.mode != RnnProblem::Gru && p.layers == 1 && !p.bidirectional &&
      p.hidden <= 1024 && p.hidden % 128 == 0 && p.input % 128 == 0 && p.batch % 8 == 0 && p.batch <= 128 &&
      (gated || p.batch < 96 || p.hidden < 896) && device.major >= 8 && device.multiprocessors >= 98)
    return CUDNN_RNN_ALGO_PERSIST_STATIC;
  return CUDNN_RNN_ALGO_STANDARD;
}

struct Plan : RnnPlan {
  RnnProblem problem;
  std::string key;
  Descriptor<cudnnDropoutDescriptor_t> dropout;
  Descriptor<cudnnRNNDescriptor_t> rnn;
  Descriptor<cudnnRNNDataDescriptor_t> x, y;
  TensorDescriptor h, c;

  cudnnForwardMode_t pass() const {
    return problem.training ? CUDNN_FWD_MODE_TRAINING : CUDNN_FWD_MODE_INFERENCE;
  }
};

// All descriptors but that of dropout, for which no device is asked. The status is that of the algorithm.
//
// There are always biases: the persistent kernels take nothing else. Parameters without them leave zeros in
// their place.
cudnnStatus_t describe(const Plan& plan, std::span<const int32_t> lengths) {
  const RnnProblem& p = plan.problem;
  const cudnnDataType_t type = data_type(p.dtype);
  const cudnnRNNMode_t modes[] = {CUDNN_RNN_RELU, CUDNN_RNN_TANH, CUDNN_LSTM, CUDNN_GRU};
  const cudnnStatus_t status = functions()->SetRNNDescriptor_v8(
      plan.rnn, static_cast<cudnnRNNAlgo_t>(plan.algorithm), modes[p.mode], CUDNN_RNN_DOUBLE_BIAS,
      p.bidirectional ? CUDNN_BIDIRECTIONAL : CUDNN_UNIDIRECTIONAL, CUDNN_LINEAR_INPUT, type,
      type == CUDNN_DATA_DOUBLE ? CUDNN_DATA_DOUBLE : CUDNN_DATA_FLOAT, math_type(p), p.input, p.hidden,
      static_cast<int32_t>(p.output()), p.layers, plan.dropout,
      p.packed ? CUDNN_RNN_PADDED_IO_DISABLED : CUDNN_RNN_PADDED_IO_ENABLED);
  if (status != CUDNN_STATUS_SUCCESS) return status;
  const auto layout =
      p.packed ? CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_PACKED : CUDNN_RNN_DATA_LAYOUT_SEQ_MAJOR_UNPACKED;
  const auto outputs = static_cast<int>(p.directions() * p.output());
  PLAIT_CUDNN(SetRNNDataDescriptor, plan.x, type, layout, p.steps, p.batch, p.input, lengths.data(), nullptr);
  PLAIT_CUDNN(SetRNNDataDescriptor, plan.y, type, layout, p.steps, p.batch, outputs, lengths.data(), nullptr);
  const int64_t rows = p.layers * p.directions();
  set_state(plan.h, type, rows, p.batch, p.output());
  set_state(plan.c, type, rows, p.batch, p.hidden);
  return CUDNN_STATUS_SUCCESS;
}

// Where cuDNN has a matrix and a bias of one product.
struct Place {
  int64_t matrix = -1, rows = 0, columns = 0;
  int64_t bias = -1, bias_rows = 0;
};
Place place_of(const Plan& plan, int pseudo_layer, int id) {
  // Written below, under the lock of plans.
  static const auto &matrix = *new TensorDescriptor, &bias = *new TensorDescriptor;
  char* const base = reinterpret_cast<char*>(uintptr_t{1} << 32);  // nothing is read there
  void *matrix_at = nullptr, *bias_at = nullptr;
  PLAIT_CUDNN(GetRNNWeightParams, cudnn_handle(), plan.rnn, pseudo_layer, plan.weight_bytes, base, id, matrix,
              &matrix_at, bias, &bias_at);
  Place place;
  const auto read = [&](const TensorDescriptor& descriptor, int64_t& rows, int64_t& columns) {
    cudnnDataType_t type;
    int dims = 0, sizes[3] = {}, strides[3] = {};
    PLAIT_CUDNN(GetTensorNdDescriptor, descriptor, 3, &type, &dims, sizes, strides);
    rows = sizes[1], columns = sizes[2];
  };
  if (matrix_at) {
    place.matrix = static_cast<char*>(matrix_at) - base;
    read(matrix, place.rows, place.columns);
  }
  if (bias_at) {
    int64_t columns;
    place.bias = static_cast<char*>(bias_at) - base;
    read(bias, place.bias_rows, columns);
  }
  return place;
}

// cuDNN numbers the products of a cell: those with the input, gate by gate, then those with the state, in the
// order in which the parameters have the gates (LSTM: i, f, g, o; GRU: r, z, n), then the projection.
std::vector<RnnParameter> parameters_of(const Plan& plan) {
  const RnnProblem& p = plan.problem;
  const auto gates = static_cast<int>(p.gates());
  const int64_t itemsize = plait::itemsize(static_cast<DType>(p.dtype));
  std::vector<RnnParameter> all;
  const auto add = [&](const std::vector<int64_t>& offsets, int64_t rows, int64_t columns,
                       bool bias = false) {
    bool whole = true;
    for (size_t k = 0; k < offsets.size(); ++k) {
      check<RuntimeError>(
          offsets[k] >= 0 && offsets[k] % itemsize == 0 &&
              offsets[k] + rows * columns * itemsize <= static_cast<int64_t>(plan.weight_bytes),
          "recurrent layer on cuda: cuDNN's layout of the weights was not understood; with "
          "plait.backends.cudnn.flags(enabled=False) it goes without cuDNN");
      whole = whole && offsets[k] == offsets[0] + static_cast<int64_t>(k) * rows * columns * itemsize;
    }
    all.push_back({offsets, rows, columns, bias, whole});
  };
  for (int layer = 0; layer < p.layers * p.directions(); ++layer) {
    const int64_t input = layer < p.directions() ? p.input : p.directions() * p.output();
    std::vector<int64_t> matrices[2], biases[2];
    for (int part = 0; part < 2; ++part)
      for (int gate = 0; gate < gates; ++gate) {
        const Place place = place_of(plan, layer, part * gates + gate);
        const int64_t columns = part ? p.output() : input;
        const bool fits =
            place.rows * place.columns == p.hidden * columns && (!p.biases || place.bias_rows == p.hidden);
        matrices[part].push_back(fits ? place.matrix : -1);
        biases[part].push_back(place.bias);
      }
    add(matrices[0], p.hidden, input);
    add(matrices[1], p.hidden, p.output());
    if (p.biases)
      for (const auto& offsets : biases) add(offsets, p.hidden, 1, true);
    if (p.projected) {
      const Place place = place_of(plan, layer, 2 * gates);
      const bool fits = place.rows * place.columns == int64_t{p.projected} * p.hidden;
      add({fits ? place.matrix : -1}, p.projected, p.hidden);
    }
  }
  return all;
}

class Plans {
 public:
  std::shared_ptr<const Plan> find(const RnnProblem& problem, std::span<const int32_t> lengths) {
    std::string key(reinterpret_cast<const char*>(&problem), sizeof(problem));
    if (problem.packed) key.append(reinterpret_cast<const char*>(lengths.data()), lengths.size_bytes());
    std::lock_guard lock(mutex_);
    if (const auto known = plans_.find(key); known != plans_.end()) return known->second;
    const bool plain = standard_only_.contains(family(problem));
    auto plan = plain ? nullptr : make(problem, key, lengths, best_algorithm(problem));
    if (!plan) plan = make(problem, key, lengths, CUDNN_RNN_ALGO_STANDARD);
    if (plans_.size() >= kMostPlans) plans_.clear();
    plans_.emplace(std::move(key), plan);
    return plan;
  }
  // The plan's algorithm does not take the problem after all.
  void refuse(const Plan& plan) {
    std::lock_guard lock(mutex_);
    standard_only_.insert(family(plan.problem));
    plans_.erase(plan.key);
  }

 private:
  static std::string family(const RnnProblem& problem) {
    return {reinterpret_cast<const char*>(&problem), sizeof(problem)};
  }

  // Null where the algorithm does not take the problem.
  static std::shared_ptr<const Plan> make(const RnnProblem& problem, const std::string& key,
                                          std::span<const int32_t> lengths, cudnnRNNAlgo_t algorithm) {
    const RelaxedCapture loading;  // of kernels, which may happen while a graph is captured
    auto plan = std::make_shared<Plan>();
    plan->problem = problem;
    plan->key = key;
    plan->algorithm = algorithm;
    cudnnHandle_t handle = cudnn_handle();
    if (problem.dropout > 0) {
      DropoutStates& states = dropout_states(problem.device);
      ensure_memory(states, problem.device);
      PLAIT_CUDNN(RestoreDropoutDescriptor, plan->dropout, handle, problem.dropout, states.memory->data(),
                  states.bytes, 0);
    } else {
      PLAIT_CUDNN(SetDropoutDescriptor, plan->dropout, handle, 0.f, nullptr, 0, 0);
    }
    const bool persistent = algorithm != CUDNN_RNN_ALGO_STANDARD;
    const cudnnStatus_t described = describe(*plan, lengths);
    if (is_not_supported(described) && persistent) return nullptr;
    check_status(described, "cudnnSetRNNDescriptor_v8");
    const cudnnStatus_t sized =
        functions()->GetRNNTempSpaceSizes(handle, plan->rnn, plan->pass(), plan->x, &plan->workspace_bytes,
                                          problem.training ? &plan->reserve_bytes : nullptr);
    if (is_not_supported(sized) && persistent) return nullptr;
    check_status(sized, "cudnnGetRNNTempSpaceSizes");
    PLAIT_CUDNN(GetRNNWeightSpaceSize, handle, plan->rnn, &plan->weight_bytes);
    plan->parameters = parameters_of(*plan);
    return plan;
  }

  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const Plan>> plans_;
  std::unordered_set<std::string> standard_only_;
};
Plans& plans() {
  static auto* all = new Plans;
  return *all;
}

cudnnStatus_t run_forward(const Plan& plan, const RnnPointers& at, const Workspace& workspace) {
  const RelaxedCapture loading;
  const bool lstm = plan.problem.mode == RnnProblem::Lstm;
  return functions()->RNNForward(cudnn_handle(), plan.rnn, plan.pass(), nullptr, plan.x, at.x, plan.y, at.y,
                                 plan.h, at.hx, at.hy, plan.c, lstm ? at.cx : nullptr, lstm ? at.cy : nullptr,
                                 plan.weight_bytes, at.weights, plan.workspace_bytes, workspace.data(),
                                 plan.reserve_bytes, at.reserve);
}

cudnnStatus_t run_with_dropout(const Plan& plan, const RnnPointers& at, const Workspace& workspace,
                               GeneratorImpl::Draw draw) {
  const int device = plan.problem.device;
  DropoutStates& states = dropout_states(device);
  std::lock_guard lock(states.mutex);
  if (states.stream != current_stream()) check_cuda(cudaStreamWaitEvent(current_stream(), states.used, 0));
  const bool again = states.seeded && draw.seed == states.last.seed && draw.offset > states.last.offset;
  if (!again) {
    const unsigned long long seed = draw.seed ^ draw.offset * 0x9E3779B97F4A7C15ull;
    PLAIT_CUDNN(SetDropoutDescriptor, plan.dropout, cudnn_handle(), plan.problem.dropout,
                states.memory->data(), states.bytes, seed);
    states.seeded = true;
  }
  states.last = draw;
  const cudnnStatus_t status = run_forward(plan, at, workspace);
  states.stream = current_stream();
  check<RuntimeError>(record_event(device, states.used, states.stream),
                      "dropout of recurrent layers on cuda: no event could be recorded");
  return status;
}

}  // namespace

bool cudnn_rnn_is_available() { return settings().cudnn_enabled && functions(); }

RnnPlanPtr cudnn_rnn_plan(const RnnProblem& problem, std::span<const int32_t> lengths) {
  RnnProblem p = problem;
  if (settings().allow_tf32_conv) p.settings |= RnnProblem::AllowTf32;
  if (settings().deterministic || settings().cudnn_deterministic) p.settings |= RnnProblem::Deterministic;
  return plans().find(p, lengths);
}

bool cudnn_rnn_forward(const RnnPlanPtr& shared, const RnnPointers& at, GeneratorImpl::Draw draw) {
  const auto& plan = static_cast<const Plan&>(*shared);
  const Workspace workspace(plan.workspace_bytes);
  const cudnnStatus_t status = plan.problem.dropout > 0 ? run_with_dropout(plan, at, workspace, draw)
                                                        : run_forward(plan, at, workspace);
  if (is_not_supported(status) && plan.algorithm != CUDNN_RNN_ALGO_STANDARD) {
    plans().refuse(plan);
    return false;
  }
  check_status(status, "cudnnRNNForward");
  return true;
}

void cudnn_rnn_backward(const RnnPlanPtr& shared, const RnnPointers& at, const RnnGradients& grads) {
  const auto& plan = static_cast<const Plan&>(*shared);
  const RelaxedCapture loading;
  const Workspace workspace(plan.workspace_bytes);
  cudnnHandle_t handle = cudnn_handle();
  const bool lstm = plan.problem.mode == RnnProblem::Lstm;
  PLAIT_CUDNN(RNNBackwardData_v8, handle, plan.rnn, nullptr, plan.y, at.y, grads.dy, plan.x, grads.dx, plan.h,
              at.hx, grads.dhy, grads.dhx, plan.c, lstm ? at.cx : nullptr, lstm ? grads.dcy : nullptr,
              lstm ? grads.dcx : nullptr, plan.weight_bytes, at.weights, plan.workspace_bytes,
              workspace.data(), plan.reserve_bytes, at.reserve);
  if (!grads.weights) return;
  PLAIT_CUDNN(RNNBackwardWeights_v8, handle, plan.rnn, CUDNN_WGRAD_MODE_ADD, nullptr, plan.x, at.x, plan.h,
              at.hx, plan.y, at.y, plan.weight_bytes, grads.weights, plan.workspace_bytes, workspace.data(),
              plan.reserve_bytes, at.reserve);
}

void cudnn_rnn_describe(const RnnProblem& problem, std::span<const int32_t> lengths, int algorithm) {
  check<RuntimeError>(functions() != nullptr, "libcudnn.so.9 or libcublasLt.so.13 could not be loaded");
  Plan plan;
  plan.problem = problem;
  plan.algorithm = algorithm;
  check_status(describe(plan, lengths), "cudnnSetRNNDescriptor_v8");
}

}  // namespace plait::cuda
