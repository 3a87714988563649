// The only file that includes cuDNN's front end, which takes half a minute to compile.
#include "cuda/vendor/cudnn.h"

#include <dlfcn.h>

#include "cuda/vendor/cudnn_runtime.h"

#define NV_CUDNN_FRONTEND_USE_DYNAMIC_LOADING
#define dlopen(name, flags) ::plait::cuda::open_for_front_end(name, flags)
#define dlsym(library, name) ::plait::cuda::symbol_for_front_end(library, name)
#include <cudnn_frontend.h>
#undef dlopen
#undef dlsym

#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/error.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/device.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/settings.h"
#include "cuda/vendor/cudnn_library.h"

namespace cudnn_frontend {
void* cudnn_dlhandle = nullptr;  // the front end takes cuDNN's functions from here
}

namespace plait::cuda {
namespace {

namespace fe = cudnn_frontend;
using TensorPtr = std::shared_ptr<fe::graph::Tensor_attributes>;

// A plan that asks for more workspace is not taken. Deterministic attention keeps partial sums for every
// block of keys: 4 GiB for 2 x 16 heads of 8192 x 128; what would stand in for it is slower by far.
constexpr int64_t kConvWorkspace = int64_t{2} << 30, kAttentionWorkspace = int64_t{8} << 30;
constexpr size_t kMostPlans = 2048;
// A plan of attention is compiled for its shape, which takes the host most of a second. A program that goes
// on with ever new shapes (a cache of keys that grows, batches of any length) is better off with our own
// kernels.
constexpr size_t kMostAttention = 16;  // forward, and backward
// How many plans are measured, the heuristics' best first: each is built for it, which may mean compiling.
constexpr int64_t kMostMeasured = 10;

// The front end calls cuDNN through a handle of dlopen of its own.
bool load() {
  static const bool loaded = [] {
    fe::cudnn_dlhandle = cudnn_library();
    return fe::cudnn_dlhandle != nullptr;
  }();
  return loaded;
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

// The device that plans are made for: the current one, or one that is only described and not here.
struct Target {
  cudnnHandle_t handle = nullptr;
  int capability = 0;  // 90 for 9.0
  std::shared_ptr<const fe::DeviceProperties> described;
};
Target here() {
  const DeviceProperties& device = properties();
  return {cudnn_handle(), 10 * device.major + device.minor, nullptr};
}

struct Plan {
  std::shared_ptr<fe::graph::Graph> graph;  // null: cuDNN has none
  int64_t workspace = 0;
  std::string why;  // there is none
  // One thread at a time executes it: cuDNN does not promise more for every engine.
  std::shared_ptr<std::mutex> executing = std::make_shared<std::mutex>();
};

// Plans by the problem's bytes.
template <class Problem>
class PlanCache {
 public:
  explicit PlanCache(size_t most = kMostPlans) : most_(most) {}
  // With a bound of its own it makes no more plans than that; the general one starts over.
  template <class Make>
  Plan find(const Problem& problem, const Make& make) {
    const std::string key(reinterpret_cast<const char*>(&problem), sizeof(problem));
    {
      std::lock_guard lock(mutex_);
      if (const auto known = plans_.find(key); known != plans_.end()) return known->second;
      if (most_ < kMostPlans && plans_.size() >= most_) return {};
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
  const size_t most_;
  std::mutex mutex_;
  std::unordered_map<std::string, Plan> plans_;
};

using Pointers = std::unordered_map<int64_t, void*>;

// What plans must not do.
using Notes = std::vector<fe::NumericalNote_t>;

// Builds the best plan of the heuristics whose workspace is within the cap, or measures all of them.
Plan build(const std::shared_ptr<fe::graph::Graph>& graph, const Target& target, const Notes& unwanted,
           int64_t cap, const Pointers* measure = nullptr) {
  const RelaxedCapture loading;  // of kernels, which may happen while a graph is captured
  const auto none = [](fe::error_t status) { return Plan{nullptr, 0, status.get_message(), {}}; };
  if (const auto status = graph->validate(); status.is_bad()) return none(status);
  if (const auto status = graph->build_operation_graph(target.handle); status.is_bad()) return none(status);
  if (const auto status = graph->create_execution_plans({fe::HeurMode_t::A, fe::HeurMode_t::FALLBACK});
      status.is_bad())
    return none(status);
  // The notes are those of the plans that are there by now: asked for earlier, nothing is deselected.
  graph->deselect_numeric_notes(unwanted).deselect_workspace_greater_than(cap);
  if (const auto status = graph->check_support(target.handle); status.is_bad()) return none(status);
  if (const auto status = graph->build_plans(target.handle, fe::BuildPlanPolicy_t::HEURISTICS_CHOICE);
      status.is_bad())
    return none(status);
  if (measure) {
    const int64_t count = graph->get_execution_plan_count();
    for (int64_t i = 0, built = 0; i < count && built < kMostMeasured; ++i)
      built += graph->build_plan_at_index(target.handle, i).is_good();
    const Workspace workspace(static_cast<size_t>(graph->get_autotune_workspace_size()));
    Pointers pointers = *measure;
    if (const auto status = graph->autotune(target.handle, pointers, workspace.data()); status.is_bad())
      return none(status);
  }
  return {graph, graph->get_workspace_size(), {}, std::make_shared<std::mutex>()};
}

// The plan of the graph that `make` gives for the target. The front end throws at some graphs that it has
// nothing for.
template <class MakeGraph>
Plan plan_of(const MakeGraph& make, const Target& target, const Notes& unwanted, int64_t cap,
             const Pointers* measure = nullptr) {
  try {
    return build(make(target), target, unwanted, cap, measure);
  } catch (const Error&) {
    throw;  // ours: out of memory
  } catch (const std::exception& error) {
    return {nullptr, 0, error.what(), {}};
  }
}

bool execute(const Plan& plan, Pointers& pointers, const char* what) {
  const Workspace workspace(static_cast<size_t>(plan.workspace));
  const RelaxedInCapture loading;  // of kernels, at their first launch
  const std::lock_guard lock(*plan.executing);
  auto status = plan.graph->execute(cudnn_handle(), pointers, workspace.data());
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

// Nodes copy what the graph knows of the device when they are made.
std::shared_ptr<fe::graph::Graph> new_graph(const Target& target) {
  auto graph = std::make_shared<fe::graph::Graph>();
  graph->set_sm_version(target.capability);
  if (target.described) graph->set_device_properties(target.described);
  return graph;
}

std::shared_ptr<fe::graph::Graph> conv_graph(const ConvProblem& p, const Target& target) {
  auto graph = new_graph(target);
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
  return graph;
}
Notes unwanted(const ConvProblem& p) {
  Notes notes;
  if (!(p.settings & ConvProblem::AllowTf32) && static_cast<DType>(p.dtype) == DType::Float32)
    notes = {fe::NumericalNote_t::TENSOR_CORE, fe::NumericalNote_t::DOWN_CONVERT_INPUTS};
  if (p.settings & ConvProblem::Deterministic) notes.push_back(fe::NumericalNote_t::NONDETERMINISTIC);
  return notes;
}

std::shared_ptr<fe::graph::Graph> attention_graph(const AttentionProblem& p, const Target& target) {
  auto graph = new_graph(target);
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
  options.set_deterministic_algorithm(p.deterministic);
  if (p.causal)
    options.set_diagonal_alignment(fe::DiagonalAlignment_t::TOP_LEFT).set_diagonal_band_right_bound(0);
  const TensorPtr stats = tensor(*graph, kStats, stats_sizes, stats_strides, 4, fe::DataType_t::FLOAT);
  const auto [dq, dk, dv] = graph->sdpa_backward(q, k, v, in(kOut, p.out), in(kGrad, p.grad), stats, options);
  out(dq, kDq, p.dq), out(dk, kDk, p.dk), out(dv, kDv, p.dv);
  return graph;
}

}  // namespace

bool cudnn_is_available() { return settings().cudnn_enabled && load(); }

bool cudnn_conv(const ConvProblem& problem, void* x, void* w, void* y, const void* bias) {
  if (!cudnn_is_available()) return false;
  ConvProblem p = problem;
  if (settings().allow_tf32_conv) p.settings |= ConvProblem::AllowTf32;
  if (settings().deterministic || settings().cudnn_deterministic) p.settings |= ConvProblem::Deterministic;
  if (settings().cudnn_benchmark && !is_capturing()) p.settings |= ConvProblem::Measure;
  static PlanCache<ConvProblem> cache;
  Pointers pointers{{kX, x}, {kW, w}, {kY, y}};
  if (p.has_bias) pointers[kBias] = const_cast<void*>(bias);
  const auto make = [&](int64_t cap) {
    return plan_of([&](const Target& target) { return conv_graph(p, target); }, here(), unwanted(p), cap,
                   p.settings & ConvProblem::Measure ? &pointers : nullptr);
  };
  Plan plan = cache.find(p, [&] { return make(kConvWorkspace); });
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
  AttentionProblem p = problem;
  p.deterministic = p.backward && (settings().deterministic || settings().cudnn_deterministic);
  static PlanCache<AttentionProblem> caches[2] = {PlanCache<AttentionProblem>(kMostAttention),
                                                  PlanCache<AttentionProblem>(kMostAttention)};
  const Plan plan = caches[p.backward].find(p, [&] {
    return plan_of([&](const Target& target) { return attention_graph(p, target); }, here(), {},
                   kAttentionWorkspace);
  });
  if (!plan.graph) return false;
  const auto of = [](const void* p) { return const_cast<void*>(p); };
  Pointers pointers{{kQ, of(at.q)}, {kK, of(at.k)}, {kV, of(at.v)}, {kOut, at.out}, {kStats, at.lse}};
  if (p.backward) {
    pointers[kGrad] = of(at.grad);
    pointers[kDq] = at.dq, pointers[kDk] = at.dk, pointers[kDv] = at.dv;
  }
  try {
    return execute(plan, pointers, "attention");
  } catch (const OutOfMemoryError&) {
    if (plan.workspace == 0) throw;
    return false;  // our own kernel does without
  }
}

namespace {

template <class MakeGraph>
PlanReport report(const DescribedDevice& device, const Notes& notes, int64_t cap, const MakeGraph& make) {
  if (!load()) return {false, {}, 0, "libcudnn.so.9 or libcublasLt.so.13 could not be loaded"};
  auto described = std::make_shared<fe::DeviceProperties>();
  const char* json = device.json.c_str();
  if (auto status = described->deserialize({json, json + device.json.size() + 1}); status.is_bad())
    return {false, {}, 0, status.get_message()};
  const Target target{nullptr, device.capability, described};
  const Plan plan = plan_of(make, target, notes, cap);
  PlanReport result{plan.graph != nullptr, {}, plan.workspace, plan.why};
  if (plan.graph && plan.graph->get_plan_name(result.engine).is_bad()) result.engine = "unknown";
  return result;
}

}  // namespace

PlanReport cudnn_plan(const ConvProblem& problem, const DescribedDevice& device) {
  return report(device, unwanted(problem), kConvWorkspace,
                [&](const Target& t) { return conv_graph(problem, t); });
}
PlanReport cudnn_plan(const AttentionProblem& problem, const DescribedDevice& device) {
  return report(device, {}, kAttentionWorkspace,
                [&](const Target& t) { return attention_graph(problem, t); });
}

}  // namespace plait::cuda
