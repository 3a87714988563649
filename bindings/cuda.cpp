// plait._C._cuda: what plait.cuda is made of. The CUDA library is loaded at the first call, and asked through
// cuda/api.h; every call that may wait gives up the GIL.
#include "bindings/cuda.h"

#include "core/backend.h"
#include "core/math_settings.h"
#include "cuda/api.h"

namespace plait::python {
namespace {

using Unlocked = py::call_guard<WithoutGil>;

CudaApi* find_api() {
  static std::atomic<CudaApi*> known{nullptr};  // asked without the GIL, too
  if (CudaApi* api = known.load(std::memory_order_acquire)) return api;
  DeviceBackend* backend = find_backend(DeviceType::CUDA);
  CudaApi* api = backend ? dynamic_cast<CudaApi*>(backend) : nullptr;
  known.store(api, std::memory_order_release);
  return api;
}

CudaApi& api() {
  CudaApi* found = find_api();
  if (!found)
    fail<RuntimeError>("cuda: there is no CUDA device: {}; use device='cpu'",
                       find_backend(DeviceType::CUDA) ? "another library claims the device type 'cuda'"
                                                      : why_no_backend(DeviceType::CUDA));
  return *found;
}

const Tensor& tensor_arg(py::handle object, const char* who) {
  if (!is_tensor(object.ptr()))
    fail<TypeError>("{}: expected a Tensor, got {}", who, Py_TYPE(object.ptr())->tp_name);
  return unwrap(object.ptr());
}
py::object steal(PyObject* object) { return py::reinterpret_steal<py::object>(checked(object)); }

py::dict stats_dict(const std::vector<CudaStat>& stats) {
  py::dict d;
  for (const CudaStat& stat : stats) d[py::str(stat.name)] = stat.value;
  return d;
}

std::string info_text(const CudaDeviceInfo& p) {
  return message(
      "_CudaDeviceProperties(name='{}', major={}, minor={}, total_memory={}MB, multi_processor_count={}, "
      "uuid={}, L2_cache_size={}MB)",
      p.name, p.major, p.minor, p.total_memory >> 20, p.multiprocessors, p.uuid, p.l2_bytes >> 20);
}

py::list snapshot() {
  std::vector<CudaSegment> segments;
  {
    WithoutGil unlocked;
    segments = api().memory_snapshot();
  }
  py::list list;
  for (const CudaSegment& segment : segments) {
    py::list blocks;
    size_t allocated = 0, active = 0, requested = 0;
    for (const CudaBlock& block : segment.blocks) {
      const bool live = std::string_view(block.state) == "active_allocated";
      const bool used = std::string_view(block.state) != "inactive";
      allocated += live ? block.size : 0;
      active += used ? block.size : 0;
      requested += used ? block.requested : 0;
      py::dict b;
      b["address"] = block.address;
      b["size"] = block.size;
      b["requested_size"] = block.requested;
      b["state"] = block.state;
      b["op"] = block.op;
      b["line"] = block.line;
      b["shape"] = block.shape;
      blocks.append(b);
    }
    py::dict s;
    s["device"] = segment.device;
    s["address"] = segment.address;
    s["total_size"] = segment.size;
    s["allocated_size"] = allocated;
    s["active_size"] = active;
    s["requested_size"] = requested;
    s["stream"] = segment.stream;
    s["segment_type"] = segment.small ? "small" : "large";
    s["segment_pool_id"] = segment.pool;
    s["blocks"] = blocks;
    list.append(s);
  }
  return list;
}

// A tensor on page-locked memory with the given layout.
py::object pinned_empty(const std::vector<int64_t>& sizes, const std::vector<int64_t>& strides,
                        py::handle dtype_object) {
  DType dtype;
  if (!to_dtype(dtype_object.ptr(), dtype)) fail<TypeError>("pin_memory: expected a dtype");
  const int64_t numel = checked_numel(sizes, "pin_memory");
  int64_t last = -1;
  if (numel) {
    last = 0;
    for (size_t i = 0; i < sizes.size(); ++i) last += (sizes[i] - 1) * strides[i];
  }
  const auto bytes = static_cast<size_t>((last + 1) * itemsize(dtype));
  Storage storage;
  {
    WithoutGil unlocked;
    storage = api().allocate_pinned(bytes);
  }
  return steal(
      wrap(from_storage(std::move(storage), dtype, Dims(IntSpan(sizes)), Dims(IntSpan(strides)), 0)));
}

void add_devices(py::module_& m) {
  m.def("reason", [] { return find_api() ? std::string() : why_no_backend(DeviceType::CUDA); });
  m.def(
      "device_count", [] { return find_api() ? find_api()->device_count() : 0; }, Unlocked());
  m.def("current_device", [] { return api().current_device(); });
  m.def(
      "set_device", [](int device) { api().set_device(device); }, Unlocked());
  m.def(
      "synchronize", [](int device) { api().synchronize(device); }, Unlocked());
  m.def(
      "properties", [](int device) { return api().properties(device); }, Unlocked());
  m.def("versions", [] {
    const CudaVersions v = api().versions();
    return py::make_tuple(v.driver, v.runtime);
  });
  m.def(
      "memory_info", [](int device) { return api().memory_info(device); }, Unlocked());
  m.def("can_access_peer", [](int device, int peer) { return api().can_access_peer(device, peer); });
  m.def(
      "library_version", [](const std::string& name) { return api().library_version(name); }, Unlocked());
  m.def("plan_cache_size",
        [](const std::string& library, int device) { return api().plan_cache_size(library, device); });
  m.def("plan_cache_max_size",
        [](const std::string& library, int device) { return api().plan_cache_max_size(library, device); });
  m.def(
      "set_plan_cache_max_size",
      [](const std::string& library, int device, int64_t size) {
        api().set_plan_cache_max_size(library, device, size);
      },
      Unlocked());
  m.def(
      "clear_plan_cache",
      [](const std::string& library, int device) { api().clear_plan_cache(library, device); }, Unlocked());
  m.def("is_emulated", [] { return find_api() && find_api()->is_emulated(); });

  py::class_<CudaDeviceInfo>(m, "_CudaDeviceProperties")
      .def_readonly("name", &CudaDeviceInfo::name)
      .def_readonly("uuid", &CudaDeviceInfo::uuid)
      .def_readonly("major", &CudaDeviceInfo::major)
      .def_readonly("minor", &CudaDeviceInfo::minor)
      .def_readonly("multi_processor_count", &CudaDeviceInfo::multiprocessors)
      .def_readonly("warp_size", &CudaDeviceInfo::warp_size)
      .def_readonly("max_threads_per_multi_processor", &CudaDeviceInfo::max_threads_per_multiprocessor)
      .def_readonly("max_threads_per_block", &CudaDeviceInfo::max_threads_per_block)
      .def_readonly("regs_per_multiprocessor", &CudaDeviceInfo::registers_per_multiprocessor)
      .def_readonly("is_integrated", &CudaDeviceInfo::integrated)
      .def_readonly("is_multi_gpu_board", &CudaDeviceInfo::multi_gpu_board)
      .def_readonly("pci_domain_id", &CudaDeviceInfo::pci_domain)
      .def_readonly("pci_bus_id", &CudaDeviceInfo::pci_bus)
      .def_readonly("pci_device_id", &CudaDeviceInfo::pci_device)
      .def_readonly("clock_rate", &CudaDeviceInfo::clock_khz)
      .def_readonly("memory_clock_rate", &CudaDeviceInfo::memory_clock_khz)
      .def_readonly("memory_bus_width", &CudaDeviceInfo::memory_bus_bits)
      .def_readonly("total_memory", &CudaDeviceInfo::total_memory)
      .def_readonly("L2_cache_size", &CudaDeviceInfo::l2_bytes)
      .def_readonly("shared_memory_per_block", &CudaDeviceInfo::shared_memory_per_block)
      .def_readonly("shared_memory_per_block_optin", &CudaDeviceInfo::shared_memory_per_block_optin)
      .def_readonly("shared_memory_per_multiprocessor", &CudaDeviceInfo::shared_memory_per_multiprocessor)
      .def("__repr__", info_text);
}

void add_streams(py::module_& m) {
  m.def("current_stream", [](int device) { return api().current_stream(device); });
  m.def("set_stream", [](int device, CudaStreamHandle stream) { api().set_stream(device, stream); });
  m.def(
      "new_stream", [](int device, int priority) { return api().new_stream(device, priority); }, Unlocked());
  m.def("priority_range", [](int device) { return api().priority_range(device); });
  m.def("stream_priority",
        [](int device, CudaStreamHandle stream) { return api().stream_priority(device, stream); });
  m.def(
      "synchronize_stream",
      [](int device, CudaStreamHandle stream) { api().synchronize_stream(device, stream); }, Unlocked());
  m.def("query_stream",
        [](int device, CudaStreamHandle stream) { return api().query_stream(device, stream); });
  m.def("is_capturing",
        [](int device, CudaStreamHandle stream) { return api().is_capturing(device, stream); });
  m.def("record_stream", [](py::handle object, int device, CudaStreamHandle stream) {
    const Tensor& t = tensor_arg(object, "record_stream");
    check<RuntimeError>(t.device().type == DeviceType::CUDA,
                        "record_stream: expected a tensor on a CUDA device, got one on {}", t.device());
    if (t.storage()) api().record_stream(*t.storage(), device, stream);
  });

  py::class_<CudaEvent>(m, "_CudaEvent")
      .def(py::init([](bool timing, bool blocking, bool external) {
        return api().new_event(timing, blocking, external);
      }))
      .def_property_readonly("device", &CudaEvent::device)
      .def_property_readonly("handle", &CudaEvent::handle)
      .def("record", &CudaEvent::record)
      .def("wait", &CudaEvent::wait)
      .def("query", &CudaEvent::query)
      .def("synchronize", &CudaEvent::synchronize, Unlocked())
      .def("elapsed_ms", &CudaEvent::elapsed_ms);
}

void add_graphs(py::module_& m) {
  py::class_<CudaGraph>(m, "_CudaGraph")
      .def(py::init([] { return api().new_graph(); }))
      .def("capture_begin", &CudaGraph::capture_begin, Unlocked())
      .def("capture_end", &CudaGraph::capture_end, Unlocked())
      .def("replay", &CudaGraph::replay, Unlocked())
      .def("reset", &CudaGraph::reset, Unlocked())
      .def("pool", &CudaGraph::pool)
      .def("register_generator",
           [](CudaGraph& graph, py::handle object) {
             Generator generator;
             if (!to_generator(object.ptr(), generator))
               fail<TypeError>("register_generator_state: expected a plait.Generator, got {}",
                               Py_TYPE(object.ptr())->tp_name);
             graph.register_generator(std::move(generator));
           })
      .def("node_count", &CudaGraph::node_count)
      .def("enable_debug_mode", &CudaGraph::enable_debug_mode)
      .def("debug_dump", &CudaGraph::debug_dump, Unlocked());
  m.def("new_pool_id", [] { return api().new_pool_id(); });
}

void add_memory(py::module_& m) {
  m.def(
      "empty_cache",
      [] {
        if (CudaApi* found = find_api()) found->empty_cache();
      },
      Unlocked());
  m.def("memory_stats", [](int device) { return stats_dict(api().memory_stats(device)); });
  m.def("reset_peak_memory_stats", [](int device) { api().reset_peak_memory_stats(device); });
  m.def("reset_accumulated_memory_stats", [](int device) { api().reset_accumulated_memory_stats(device); });
  m.def("memory_snapshot", snapshot);
  m.def("set_memory_fraction",
        [](int device, double fraction) { api().set_memory_fraction(device, fraction); });
  m.def("memory_fraction", [](int device) { return api().memory_fraction(device); });
  m.def(
      "allocate_raw",
      [](size_t bytes, int device, CudaStreamHandle stream) {
        return api().allocate_raw(bytes, device, stream);
      },
      Unlocked());
  m.def("free_raw", [](uintptr_t address) { api().free_raw(address); });

  m.def("pinned_empty", pinned_empty);
  m.def("is_pinned", [](py::handle object) {
    const Tensor& t = tensor_arg(object, "is_pinned");
    return t.is_cpu() && t.storage() && find_api() && find_api()->is_pinned(t.storage()->data());
  });
  m.def(
      "empty_pinned_cache", [] { api().empty_pinned_cache(); }, Unlocked());
  m.def("pinned_memory_stats", [] { return stats_dict(api().pinned_memory_stats()); });
}

// The switches of plait.backends, by name. They need no CUDA library.
void add_settings(py::module_& m) {
  static const std::pair<const char*, std::atomic<bool>*> switches[] = {
      {"allow_tf32_matmul", &math_settings().allow_tf32_matmul},
      {"allow_fp16_reduced_precision", &math_settings().allow_fp16_reduced_precision},
      {"allow_bf16_reduced_precision", &math_settings().allow_bf16_reduced_precision},
      {"allow_fp16_accumulation", &math_settings().allow_fp16_accumulation},
      {"allow_tf32_conv", &math_settings().allow_tf32_conv},
      {"cudnn_enabled", &math_settings().cudnn_enabled},
      {"cudnn_benchmark", &math_settings().cudnn_benchmark},
      {"cudnn_deterministic", &math_settings().cudnn_deterministic},
      {"deterministic", &math_settings().deterministic},
      {"deterministic_warn_only", &math_settings().deterministic_warn_only},
      {"attention_flash", &math_settings().attention_flash},
      {"attention_mem_efficient", &math_settings().attention_mem_efficient},
      {"attention_math", &math_settings().attention_math},
      {"attention_cudnn", &math_settings().attention_cudnn},
  };
  const auto find = [](const std::string& name) -> std::atomic<bool>& {
    for (const auto& [known, value] : switches)
      if (name == known) return *value;
    fail<ValueError>("backends: there is no switch '{}'", name);
  };
  m.def("get_switch", [find](const std::string& name) { return find(name).load(); });
  m.def("set_switch", [find](const std::string& name, bool on) { find(name).store(on); });
  m.def("get_benchmark_limit", [] { return math_settings().cudnn_benchmark_limit.load(); });
  m.def("set_benchmark_limit", [](int limit) {
    check(limit >= 0, "backends.cudnn.benchmark_limit: expected a number of at least 0, got {}", limit);
    math_settings().cudnn_benchmark_limit.store(limit);
  });
}

}  // namespace

void add_cuda(py::module_& m) {
  py::module_ cuda =
      m.def_submodule("_cuda", "Devices, streams, memory and graphs of CUDA; used by plait.cuda.");
  add_devices(cuda);
  add_streams(cuda);
  add_graphs(cuda);
  add_memory(cuda);
  add_settings(cuda);
}

}  // namespace plait::python
