// The only file that includes cuDNN's front end, which takes half a minute to compile.
#include "cuda/vendor/cudnn.h"

#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#include <cudnn_frontend.h>

#include <dlfcn.h>

#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "core/library.h"
#include "cuda/runtime/libraries.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/settings.h"

namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;  // the front end takes cuDNN's functions from here
}

namespace plait::cuda {
namespace {

namespace fe = cudnn_frontend;
using TensorPtr = std::shared_ptr<fe::graph::Tensor_attributes>;

constexpr int64_t kWorkspaceCap = int64_t{2} << 30;  // a plan that asks for more is not taken
constexpr size_t kMostPlans = 2048;

bool load() {
  static const bool loaded = [] {
    fe::cudnn_dlhandle = load_library("libcudnn.so.9");
    return fe::cudnn_dlhandle != nullptr;
  }();
  return loaded;
}

// Handles are not shared by threads; those of a thread that ends are taken by the next.
class Handles {
 public:
  cudnnHandle_t get(int device) {
    cudnnHandle_t& mine = own_[static_cast<size_t>(device)];
    if (!mine) mine = take(device);
    return mine;
  }
  ~Handles() {
    std::lock_guard lock(pool().mutex);
    for (size_t device = 0; device < own_.size(); ++device)
      if (own_[device]) pool().free[device].push_back(own_[device]);
  }

 private:
  static constexpr size_t kDevices = 64;
  struct Pool {
    std::mutex mutex;
    std::array<std::vector<cudnnHandle_t>, kDevices> free;
  };
  static Pool& pool() {
    static auto* pool = new Pool;
    return *pool;
  }
  static cudnnHandle_t take(int device) {
    std::lock_guard lock(pool().mutex);
    auto& free = pool().free[static_cast<size_t>(device)];
    if (!free.empty()) {
      cudnnHandle_t handle = free.back();
      free.pop_back();
      return handle;
    }
    cudnnHandle_t handle = nullptr;
    const cudnnStatus_t status = fe::detail::create_handle(&handle);
    if (status != CUDNN_STATUS_SUCCESS)
      fail<RuntimeError>(
          "cuDNN could not be started on device {}: {}; set plait.backends.cudnn.enabled = False to do "
          "without it",
          device, fe::detail::get_error_string(status));
    return handle;
  }
  std::array<cudnnHandle_t, kDevices> own_{};
};

cudnnHandle_t handle_on_stream() {
  thread_local Handles handles;
  cudnnHandle_t handle = handles.get(current_device());
  const cudnnStatus_t status = fe::detail::set_stream(handle, current_stream());
  if (status != CUDNN_STATUS_SUCCESS)
    fail<RuntimeError>("cudnnSetStream: {}", fe::detail::get_error_string(status));
  return handle;
}

fe::DataType_t data_type(int32_t dtype) {
  switch (static_cast<DType>(dtype)) {
    case DType::Float16: return fe::DataType_t::HALF;
    case DType::BFloat16: return fe::DataType_t::BFLOAT16;
    case DType::Float64: return fe::DataType_t::DOUBLE;
    default: return fe::DataType_t::FLOAT;
  }
}
fe::DataType_t compute_type(int32_t dtype) {
  return static_cast<DType>(dtype) == DType::Float64 ? fe::DataType_t::DOUBLE : fe::DataType_t::FLOAT;
}

struct Plan {
  std::shared_ptr<fe::graph::Graph> graph;  // null: cuDNN has none
  int64_t workspace = 0;
};

// Plans by the problem's bytes.
template <class Problem>
class PlanCache {
 public:
  template <class Make>
  Plan find(const Problem& problem, const Make& make) {
    const std::string key(reinterpret_cast<const char*>(&problem), sizeof(problem));
    {
      std::lock_guard lock(mutex_);
      if (const auto known = plans_.find(key); known != plans_.end()) return known->second;
    }
    const Plan plan = make();
    set(key, plan);
    return plan;
  }
  void replace(const Problem& problem, const Plan& plan) {
    set(std::string(reinterpret_cast<const char*>(&problem), sizeof(problem)), plan);
  }

 private:
  void set(const std::string& key, const Plan& plan) {
    std::lock_guard lock(mutex_);
    if (plans_.size() >= kMostPlans) plans_.clear();
    plans_.insert_or_assign(key, plan);
  }
  std::mutex mutex_;
  std::unordered_map<std::string, Plan> plans_;
};

using Pointers = std::unordered_map<int64_t, void*>;

// Builds the best plan of the heuristics whose workspace is within the cap, or measures all of them.
Plan build(const std::shared_ptr<fe::graph::Graph>& graph, int64_t cap, bool measure, Pointers* pointers) {
  cudnnHandle_t handle = handle_on_stream();
  if (graph->validate().is_bad() || graph->build_operation_graph(handle).is_bad() ||
      graph->create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK}).is_bad())
    return {};
  graph->deselect_workspace_greater_than(cap);
  if (graph->check_support(handle).is_bad()) return {};
  const auto policy = measure ? fe::BuildPlanPolicy_t::ALL : fe::BuildPlanPolicy_t::HEURISTICS_CHOICE;
  if (graph->build_plans(handle, policy).is_bad()) return {};
  if (measure) {
    const Workspace workspace(static_cast<size_t>(graph->get_autotune_workspace_size()));
    if (graph->autotune(handle, *pointers, workspace.data()).is_bad()) return {};
  }
  return {graph, graph->get_workspace_size()};
}

bool execute(const Plan& plan, Pointers& pointers, const char* what) {
  const Workspace workspace(static_cast<size_t>(plan.workspace));
  auto status = plan.graph->execute(handle_on_stream(), pointers, workspace.data());
  if (status.is_bad()) fail<RuntimeError>("{} on cuda: cuDNN failed: {}", what, status.get_message());
  return true;
}

enum Id : int64_t { kX = 1, kW, kY, kBias, kQ, kK, kV, kOut, kStats, kGrad, kDq, kDk, kDv };

TensorPtr tensor(fe::graph::Graph& graph, Id id, const int64_t* sizes, const int64_t* strides, int dims,
                 fe::DataType_t type) {
  return graph.tensor(fe::graph::Tensor_attributes()
                          .set_uid(id)
                          .set_dim({sizes, sizes + dims})
                          .set_stride({strides, strides + dims})
                          .set_data_type(type));
}
void set_result(const TensorPtr& t, Id id, const int64_t* sizes, const int64_t* strides, int dims,
                fe::DataType_t type) {
  t->set_output(true)
      .set_uid(id)
      .set_dim({sizes, sizes + dims})
      .set_stride({strides, strides + dims})
      .set_data_type(type);
}

std::shared_ptr<fe::graph::Graph> conv_graph(const ConvProblem& p) {
  auto graph = std::make_shared<fe::graph::Graph>();
  const fe::DataType_t type = data_type(p.dtype), compute = compute_type(p.dtype);
  graph->set_io_data_type(type).set_intermediate_data_type(compute).set_compute_data_type(compute);
  const int n = p.dims - 2;
  const std::vector<int64_t> padding(p.padding, p.padding + n), stride(p.stride, p.stride + n),
      dilation(p.dilation, p.dilation + n);
  const auto in = [&](Id id, const ConvProblem::Layout& l) {
    return tensor(*graph, id, l.sizes, l.strides, p.dims, type);
  };
  const auto out = [&](const TensorPtr& t, Id id, const ConvProblem::Layout& l) {
    set_result(t, id, l.sizes, l.strides, p.dims, type);
  };
  const auto with = [&](auto attributes) {
    attributes.set_padding(padding).set_stride(stride).set_dilation(dilation);
    return attributes;
  };
  if (p.pass == ConvProblem::Forward) {
    TensorPtr y = graph->conv_fprop(in(kX, p.x), in(kW, p.w), with(fe::graph::Conv_fprop_attributes()));
    if (p.has_bias) {
      int64_t sizes[5] = {1, p.y.sizes[1], 1, 1, 1}, strides[5] = {p.y.sizes[1], 1, 1, 1, 1};
      const TensorPtr bias = tensor(*graph, kBias, sizes, strides, p.dims, type);
      y = graph->pointwise(y, bias, fe::graph::Pointwise_attributes().set_mode(fe::PointwiseMode_t::ADD));
    }
    out(y, kY, p.y);
  } else if (p.pass == ConvProblem::InputGrad) {
    out(graph->conv_dgrad(in(kY, p.y), in(kW, p.w), with(fe::graph::Conv_dgrad_attributes())), kX, p.x);
  } else {
    out(graph->conv_wgrad(in(kY, p.y), in(kX, p.x), with(fe::graph::Conv_wgrad_attributes())), kW, p.w);
  }
  if (!(p.settings & 1) && static_cast<DType>(p.dtype) == DType::Float32)
    graph->deselect_numeric_notes({fe::NumericalNote_t::TENSOR_CORE});  // no TF32
  if (p.settings & 2) graph->deselect_numeric_notes({fe::NumericalNote_t::NONDETERMINISTIC});
  return graph;
}

std::shared_ptr<fe::graph::Graph> attention_graph(const AttentionProblem& p) {
  auto graph = std::make_shared<fe::graph::Graph>();
  const fe::DataType_t type = data_type(p.dtype);
  graph->set_io_data_type(type)
      .set_intermediate_data_type(fe::DataType_t::FLOAT)
      .set_compute_data_type(fe::DataType_t::FLOAT);
  const auto in = [&](Id id, const AttentionProblem::Layout& l) {
    return tensor(*graph, id, l.sizes, l.strides, 4, type);
  };
  const auto out = [&](const TensorPtr& t, Id id, const AttentionProblem::Layout& l) {
    set_result(t, id, l.sizes, l.strides, 4, type);
  };
  const int64_t stats_sizes[] = {p.q.sizes[0], p.q.sizes[1], p.q.sizes[2], 1};
  const int64_t stats_strides[] = {p.q.sizes[1] * p.q.sizes[2], p.q.sizes[2], 1, 1};
  const TensorPtr q = in(kQ, p.q), k = in(kK, p.k), v = in(kV, p.v);
  const auto scale = static_cast<float>(p.scale);
  if (!p.backward) {
    auto options = fe::graph::SDPA_attributes().set_generate_stats(true).set_attn_scale(scale);
    if (p.causal)
      options.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT).set_diagonal_band_right_bound(0);
    const auto [y, stats] = graph->sdpa(q, k, v, options);
    out(y, kOut, p.out);
    set_result(stats, kStats, stats_sizes, stats_strides, 4, fe::DataType_t::FLOAT);
    return graph;
  }
  auto options = fe::graph::SDPA_backward_attributes().set_attn_scale(scale);
  if (p.causal)
    options.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT).set_diagonal_band_right_bound(0);
  const TensorPtr stats = tensor(*graph, kStats, stats_sizes, stats_strides, 4, fe::DataType_t::FLOAT);
  const auto [dq, dk, dv] = graph->sdpa_backward(q, k, v, in(kOut, p.out), in(kGrad, p.grad), stats, options);
  out(dq, kDq, p.dq), out(dk, kDk, p.dk), out(dv, kDv, p.dv);
  return graph;
}

}  // namespace

bool cudnn_is_available() { return settings().cudnn_enabled && load(); }

static const bool registered = register_library("cudnn", []() -> int64_t {
  if (!load()) return 0;
  const auto version = reinterpret_cast<size_t (*)()>(dlsym(fe::cudnn_dlhandle, "cudnnGetVersion"));
  return version ? static_cast<int64_t>(version()) : 0;
});

bool cudnn_conv(const ConvProblem& problem, void* x, void* w, void* y, const void* bias) {
  if (!cudnn_is_available()) return false;
  ConvProblem p = problem;
  p.settings = settings().allow_tf32_conv | (settings().deterministic | settings().cudnn_deterministic) << 1 |
               settings().cudnn_benchmark << 2;
  static PlanCache<ConvProblem> cache;
  Pointers pointers{{kX, x}, {kW, w}, {kY, y}};
  if (p.has_bias) pointers[kBias] = const_cast<void*>(bias);
  const auto make = [&](int64_t cap) {
    return build(conv_graph(p), cap, settings().cudnn_benchmark, &pointers);
  };
  Plan plan = cache.find(p, [&] { return make(kWorkspaceCap); });
  while (plan.graph) {
    try {
      return execute(plan, pointers, "convolution");
    } catch (const OutOfMemoryError&) {
      // There is no room for this plan's workspace: look for one that needs less, down to none.
      if (plan.workspace == 0) throw;
      plan = make(plan.workspace / 4);
      cache.replace(p, plan);
    }
  }
  return false;
}

bool cudnn_attention(const AttentionProblem& problem, const AttentionPointers& at) {
  if (!cudnn_is_available()) return false;
  static PlanCache<AttentionProblem> cache;
  const Plan plan =
      cache.find(problem, [&] { return build(attention_graph(problem), kWorkspaceCap, false, nullptr); });
  if (!plan.graph) return false;
  const auto of = [](const void* p) { return const_cast<void*>(p); };
  Pointers pointers{{kQ, of(at.q)}, {kK, of(at.k)}, {kV, of(at.v)}, {kOut, at.out}, {kStats, at.lse}};
  if (problem.backward) {
    pointers[kGrad] = of(at.grad);
    pointers[kDq] = at.dq, pointers[kDk] = at.dk, pointers[kDv] = at.dv;
  }
  return execute(plan, pointers, "attention");
}

}  // namespace plait::cuda
