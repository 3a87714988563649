#include "graphs.h"

#include <algorithm>
#include <fstream>
#include <unordered_map>
#include <unordered_set>

#include "device.h"

struct CUgraphExec_st {
  struct Node {
    emulator::Work work;
    std::vector<int> followers;
    int dependencies = 0;
  };
  std::vector<Node> nodes;
  uint32_t id = 0;
};

namespace emulator {

namespace {

std::vector<std::shared_ptr<Capture>>& captures() {  // that have not ended
  static auto& all = *new std::vector<std::shared_ptr<Capture>>;
  return all;
}

template <class T>
std::unordered_set<T>& live() {
  static auto& handles = *new std::unordered_set<T>;
  return handles;
}

thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;
unsigned long long next_capture = 1;

bool is_null_stream(const Stream& stream) { return &stream == &device(stream.device).null_stream; }

void add_all(std::vector<CUgraphNode_st*>& to, const std::vector<CUgraphNode_st*>& from) {
  for (CUgraphNode_st* node : from)
    if (std::find(to.begin(), to.end(), node) == to.end()) to.push_back(node);
}

// Whether everything that other streams recorded comes before the origin's end.
bool is_joined(const Capture& capture) {
  std::unordered_set<const CUgraphNode_st*> before;
  std::vector<const CUgraphNode_st*> todo(capture.origin->frontier.begin(), capture.origin->frontier.end());
  while (!todo.empty()) {
    const CUgraphNode_st* node = todo.back();
    todo.pop_back();
    if (before.insert(node).second)
      todo.insert(todo.end(), node->dependencies.begin(), node->dependencies.end());
  }
  return std::all_of(capture.streams.begin(), capture.streams.end(), [&](const Stream* stream) {
    return std::all_of(stream->frontier.begin(), stream->frontier.end(),
                       [&](const CUgraphNode_st* node) { return before.count(node) != 0; });
  });
}

void end(const std::shared_ptr<Capture>& capture) {
  for (Stream* stream : capture->streams) {
    stream->frontier.clear();
    stream->capture = nullptr;
  }
  capture->ended = true;
  captures().erase(std::find(captures().begin(), captures().end(), capture));
}

cudaError_t instantiate(cudaGraphExec_t* exec, cudaGraph_t graph) {
  if (!exec || !live<cudaGraph_t>().count(graph)) return cudaErrorInvalidValue;
  auto made = std::make_unique<CUgraphExec_st>();
  std::unordered_map<const CUgraphNode_st*, int> number;
  for (const auto& node : graph->nodes) {
    const int index = number[node.get()] = int(made->nodes.size());
    made->nodes.push_back({node->work, {}, int(node->dependencies.size())});
    for (const CUgraphNode_st* earlier : node->dependencies)
      made->nodes[size_t(number.at(earlier))].followers.push_back(index);
  }
  static uint32_t last_id = 0;
  made->id = ++last_id;
  *exec = made.release();
  live<cudaGraphExec_t>().insert(*exec);
  return cudaSuccess;
}

// The nodes in an order that their dependencies allow; the seed decides which.
template <class F>
void in_some_order(const CUgraphExec_st& exec, F f) {
  std::vector<int> left, ready;
  for (size_t i = 0; i < exec.nodes.size(); ++i) {
    left.push_back(exec.nodes[i].dependencies);
    if (left.back() == 0) ready.push_back(int(i));
  }
  while (!ready.empty()) {
    std::swap(ready[random_bits() % ready.size()], ready.back());
    const CUgraphExec_st::Node& node = exec.nodes[size_t(ready.back())];
    ready.pop_back();
    f(node);
    for (int follower : node.followers)
      if (--left[size_t(follower)] == 0) ready.push_back(follower);
  }
}

cudaGraphNodeType type_of(WorkKind kind) {
  switch (kind) {
    case WorkKind::Kernel:
    case WorkKind::Library: return cudaGraphNodeTypeKernel;
    case WorkKind::Copy: return cudaGraphNodeTypeMemcpy;
    case WorkKind::Fill: return cudaGraphNodeTypeMemset;
    case WorkKind::Host: return cudaGraphNodeTypeHost;
    case WorkKind::Event: return cudaGraphNodeTypeEmpty;
  }
  return cudaGraphNodeTypeEmpty;
}

// Nodes that pass the test, as cudaGraphGetNodes() gives them: all, or their number where `nodes` is null.
template <class Test>
cudaError_t list_nodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count, Test test) {
  if (!count || !live<cudaGraph_t>().count(graph)) return cudaErrorInvalidValue;
  size_t found = 0;
  for (const auto& node : graph->nodes) {
    if (!test(*node)) continue;
    if (nodes && found < *count) nodes[found] = node.get();
    ++found;
  }
  if (nodes)
    for (size_t i = found; i < *count; ++i) nodes[i] = nullptr;
  *count = nodes ? std::min(found, *count) : found;
  return cudaSuccess;
}

}  // namespace

bool is_active(const Capture& capture) { return !capture.ended && !capture.invalid; }

cudaError_t record_work(Stream& stream, Work work) {
  Capture& capture = *stream.capture;
  if (capture.invalid) return cudaErrorStreamCaptureInvalidated;
  work.correlation = 0;  // each launch of the graph has its own
  capture.graph->nodes.push_back(
      std::make_unique<CUgraphNode_st>(CUgraphNode_st{std::move(work), stream.frontier}));
  stream.frontier = {capture.graph->nodes.back().get()};
  return cudaSuccess;
}

cudaError_t join_capture(Stream& stream, const std::shared_ptr<Capture>& capture,
                         const std::vector<CUgraphNode_st*>& frontier) {
  if (capture->ended) return cudaErrorCapturedEvent;
  if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
  if (is_null_stream(stream)) {
    capture->invalid = true;
    return cudaErrorStreamCaptureImplicit;
  }
  if (!stream.capture) {
    stream.capture = capture;
    stream.frontier.clear();
    capture->streams.push_back(&stream);
  } else if (stream.capture != capture) {
    stream.capture->invalid = capture->invalid = true;
    return cudaErrorStreamCaptureMerge;
  }
  add_all(stream.frontier, frontier);
  return cudaSuccess;
}

cudaError_t refuse_in_capture() {
  if (thread_mode == cudaStreamCaptureModeRelaxed) return cudaSuccess;
  bool refused = false;
  for (const auto& capture : captures()) {
    const bool mine =
        capture->thread == std::this_thread::get_id() && capture->mode != cudaStreamCaptureModeRelaxed;
    const bool everybodys =
        thread_mode == cudaStreamCaptureModeGlobal && capture->mode == cudaStreamCaptureModeGlobal;
    if (!mine && !everybodys) continue;
    capture->invalid = refused = true;
  }
  return refused ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

cudaError_t refuse_legacy(Stream& stream) {
  if (captures().empty() || !is_null_stream(stream)) return cudaSuccess;
  bool refused = false;
  for (const auto& capture : captures())
    for (const Stream* captured : capture->streams)
      if (captured->device == stream.device && !(captured->flags & cudaStreamNonBlocking))
        capture->invalid = refused = true;
  return refused ? cudaErrorStreamCaptureImplicit : cudaSuccess;
}

cudaError_t refuse_captured(Stream& stream) {
  stream.capture->invalid = true;
  return cudaErrorStreamCaptureUnsupported;
}

cudaError_t refuse_captured_event(Capture& capture) {
  capture.invalid = true;
  return cudaErrorCapturedEvent;
}

cudaError_t refuse_outside_work(Stream& stream) {
  stream.capture->invalid = true;
  return cudaErrorStreamCaptureIsolation;
}

cudaError_t refuse_device_wait(int device) {
  bool refused = false;
  for (const auto& capture : captures())
    for (const Stream* captured : capture->streams)
      if (captured->device == device) capture->invalid = refused = true;
  return refused ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
}

}  // namespace emulator

using namespace emulator;

cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode mode) {
  return api("cudaStreamBeginCapture", Rule::Normal, [&](Lock&) {
    Stream* stream;
    if (const cudaError_t status = find_stream(handle, &stream); status != cudaSuccess) return status;
    if (mode < cudaStreamCaptureModeGlobal || mode > cudaStreamCaptureModeRelaxed)
      return cudaErrorInvalidValue;
    if (is_null_stream(*stream)) return cudaErrorStreamCaptureUnsupported;
    if (stream->capture) return cudaErrorIllegalState;
    const auto capture = std::make_shared<Capture>();
    capture->id = next_capture++;
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->origin = stream;
    capture->streams = {stream};
    stream->capture = capture;
    stream->frontier.clear();
    captures().push_back(capture);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  return api("cudaStreamEndCapture", Rule::Normal, [&](Lock&) {
    Stream* stream;
    if (graph) *graph = nullptr;
    if (const cudaError_t status = find_stream(handle, &stream); status != cudaSuccess) return status;
    if (!graph) return cudaErrorInvalidValue;
    if (!stream->capture) return cudaErrorIllegalState;
    const std::shared_ptr<Capture> capture = stream->capture;
    if (capture->origin != stream) {
      capture->invalid = true;
      return cudaErrorStreamCaptureUnmatched;
    }
    if (capture->mode != cudaStreamCaptureModeRelaxed && capture->thread != std::this_thread::get_id())
      return cudaErrorStreamCaptureWrongThread;
    const bool joined = capture->invalid || is_joined(*capture);
    end(capture);
    if (capture->invalid) return cudaErrorStreamCaptureInvalidated;
    if (!joined) return cudaErrorStreamCaptureUnjoined;
    *graph = capture->graph.release();
    live<cudaGraph_t>().insert(*graph);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamIsCapturing(cudaStream_t handle, cudaStreamCaptureStatus* status) {
  return cudaStreamGetCaptureInfo(handle, status);
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t handle, cudaStreamCaptureStatus* status,
                                     unsigned long long* id, cudaGraph_t* graph,
                                     const cudaGraphNode_t** dependencies, const cudaGraphEdgeData** edges,
                                     size_t* dependency_count) {
  return api("cudaStreamGetCaptureInfo", Rule::Normal, [&](Lock&) {
    Stream* stream;
    if (!status) return cudaErrorInvalidValue;
    if (const cudaError_t found = find_stream(handle, &stream); found != cudaSuccess) return found;
    // Asking about the legacy stream is refused beside a blocking capture, but does that capture no harm.
    if (is_null_stream(*stream))
      for (const auto& capture : captures())
        for (const Stream* captured : capture->streams)
          if (captured->device == stream->device && !(captured->flags & cudaStreamNonBlocking))
            return cudaErrorStreamCaptureImplicit;
    const Capture* capture = stream->capture.get();
    *status = !capture           ? cudaStreamCaptureStatusNone
              : capture->invalid ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
    if (*status != cudaStreamCaptureStatusActive) return cudaSuccess;
    if (id) *id = capture->id;
    if (graph) *graph = capture->graph.get();
    if (dependencies) *dependencies = stream->frontier.data();
    if (edges) *edges = nullptr;
    if (dependency_count) *dependency_count = stream->frontier.size();
    return cudaSuccess;
  });
}

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
  return api("cudaThreadExchangeStreamCaptureMode", Rule::Normal, [&](Lock&) {
    if (!mode || *mode < cudaStreamCaptureModeGlobal || *mode > cudaStreamCaptureModeRelaxed)
      return cudaErrorInvalidValue;
    std::swap(*mode, thread_mode);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphCreate(cudaGraph_t* graph, unsigned int flags) {
  return api("cudaGraphCreate", Rule::Normal, [&](Lock&) {
    if (!graph || flags != 0) return cudaErrorInvalidValue;
    *graph = new CUgraph_st;
    live<cudaGraph_t>().insert(*graph);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  return api("cudaGraphDestroy", Rule::Normal, [&](Lock&) {
    if (!live<cudaGraph_t>().erase(graph)) return cudaErrorInvalidValue;
    delete graph;
    return cudaSuccess;
  });
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return api("cudaGraphGetNodes", Rule::Normal, [&](Lock&) {
    return list_nodes(graph, nodes, count, [](const CUgraphNode_st&) { return true; });
  });
}

cudaError_t cudaGraphDebugDotPrint(cudaGraph_t graph, const char* path, unsigned) {
  return api("cudaGraphDebugDotPrint", Rule::Normal, [&](Lock&) {
    if (!path || !live<cudaGraph_t>().count(graph)) return cudaErrorInvalidValue;
    std::ofstream file(path);
    file << "digraph {\n";
    for (const auto& node : graph->nodes) {
      file << "  \"" << node.get() << "\";\n";
      for (const auto* before : node->dependencies)
        file << "  \"" << before << "\" -> \"" << node.get() << "\";\n";
    }
    file << "}\n";
    return file.good() ? cudaSuccess : cudaErrorOperatingSystem;
  });
}

cudaError_t cudaGraphGetRootNodes(cudaGraph_t graph, cudaGraphNode_t* nodes, size_t* count) {
  return api("cudaGraphGetRootNodes", Rule::Normal, [&](Lock&) {
    return list_nodes(graph, nodes, count,
                      [](const CUgraphNode_st& node) { return node.dependencies.empty(); });
  });
}

cudaError_t cudaGraphNodeGetType(cudaGraphNode_t node, cudaGraphNodeType* type) {
  return api("cudaGraphNodeGetType", Rule::Normal, [&](Lock&) {
    if (!node || !type) return cudaErrorInvalidValue;
    *type = type_of(node->work.kind);
    return cudaSuccess;
  });
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  return api("cudaGraphInstantiate", Rule::Normal, [&](Lock&) {
    if (flags & ~15ull) return cudaErrorInvalidValue;
    if (flags & cudaGraphInstantiateFlagDeviceLaunch) return cudaErrorNotSupported;
    return instantiate(exec, graph);
  });
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* exec, cudaGraph_t graph,
                                          unsigned long long flags) {
  return cudaGraphInstantiate(exec, graph, flags);
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t handle) {
  return api("cudaGraphUpload", Rule::Normal, [&](Lock&) {
    Stream* stream;
    if (!live<cudaGraphExec_t>().count(exec)) return cudaErrorInvalidValue;
    return find_stream(handle, &stream);
  });
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t handle) {
  return api("cudaGraphLaunch", Rule::Normal, [&](Lock& lock) {
    Stream* stream;
    if (!live<cudaGraphExec_t>().count(exec)) return cudaErrorInvalidValue;
    cudaError_t status = find_stream(handle, &stream);
    if (status != cudaSuccess) return status;
    ++counter(PlaitEmulatorGraphLaunches);
    const uint32_t correlation = tracer() ? tracer()->call() : 0;
    in_some_order(*exec, [&](const CUgraphExec_st::Node& node) {
      Work work = node.work;
      work.correlation = correlation;
      work.graph = exec->id;
      work.graph_node = uint64_t(&node - exec->nodes.data()) + 1;
      if (status == cudaSuccess) status = submit(lock, *stream, std::move(work));
    });
    return status;
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  return api("cudaGraphExecDestroy", Rule::Normal, [&](Lock&) {
    if (!live<cudaGraphExec_t>().erase(exec)) return cudaErrorInvalidValue;
    delete exec;  // launches under way have their own copies of the work
    return cudaSuccess;
  });
}
