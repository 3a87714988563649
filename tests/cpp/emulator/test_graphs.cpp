// Capture and graphs.
#include <thread>

#include "device.h"

namespace {

__global__ void add(int* data, int value) { *data += value; }
__global__ void multiply(int* data, int value) { *data *= value; }
__global__ void copy_one(int* to, const int* from) { *to = *from; }
__global__ void sum(int* to, const int* a, const int* b) { *to = *a + *b; }

struct Streams {
  cudaStream_t a, b;
  cudaEvent_t fork, join;
  Streams() {
    CHECK_CUDA(cudaStreamCreateWithFlags(&a, cudaStreamNonBlocking));
    CHECK_CUDA(cudaStreamCreateWithFlags(&b, cudaStreamNonBlocking));
    CHECK_CUDA(cudaEventCreateWithFlags(&fork, cudaEventDisableTiming));
    CHECK_CUDA(cudaEventCreateWithFlags(&join, cudaEventDisableTiming));
  }
  ~Streams() {
    cudaStreamDestroy(a);
    cudaStreamDestroy(b);
    cudaEventDestroy(fork);
    cudaEventDestroy(join);
    cudaGetLastError();
  }
};

cudaGraphExec_t instantiate(cudaGraph_t graph) {
  cudaGraphExec_t exec;
  CHECK_CUDA(cudaGraphInstantiate(&exec, graph, 0));
  CHECK_CUDA(cudaGraphDestroy(graph));
  return exec;
}

// What ending the capture says after `f` was called during it.
template <class F>
cudaError_t capture_status(cudaStream_t stream, F f,
                           cudaStreamCaptureMode mode = cudaStreamCaptureModeGlobal) {
  cudaGraph_t graph = nullptr;
  CHECK_CUDA(cudaStreamBeginCapture(stream, mode));
  f();
  const cudaError_t status = cudaStreamEndCapture(stream, &graph);
  if (graph) CHECK_CUDA(cudaGraphDestroy(graph));
  CHECK((graph != nullptr) == (status == cudaSuccess));
  cudaGetLastError();
  return status;
}

}  // namespace

TEST_CASE("a captured stream records, and a graph replays", "[emulator][graphs]") {
  Streams s;
  DeviceArray<int> data(std::vector<int>{1});
  const uint64_t kernels = counted(PlaitEmulatorKernels);
  cudaGraph_t graph;
  CHECK_CUDA(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeThreadLocal));
  CHECK_CUDA(run(add, 1, 1, 0, s.a, data.data(), 2));
  CHECK_CUDA(run(multiply, 1, 1, 0, s.a, data.data(), 3));
  cudaStreamCaptureStatus status;
  unsigned long long id = 0;
  CHECK_CUDA(cudaStreamGetCaptureInfo(s.a, &status, &id));
  CHECK(status == cudaStreamCaptureStatusActive);
  CHECK(id > 0);
  CHECK_CUDA(cudaStreamIsCapturing(s.b, &status));
  CHECK(status == cudaStreamCaptureStatusNone);
  CHECK_CUDA(cudaStreamEndCapture(s.a, &graph));
  size_t nodes = 0;
  CHECK_CUDA(cudaGraphGetNodes(graph, nullptr, &nodes));
  CHECK(nodes == 2);
  size_t roots = 0;
  CHECK_CUDA(cudaGraphGetRootNodes(graph, nullptr, &roots));
  CHECK(roots == 1);
  cudaGraphNode_t node[2];
  CHECK_CUDA(cudaGraphGetNodes(graph, node, &nodes));
  cudaGraphNodeType type;
  CHECK_CUDA(cudaGraphNodeGetType(node[1], &type));
  CHECK(type == cudaGraphNodeTypeKernel);
  const cudaGraphExec_t exec = instantiate(graph);
  CHECK(data.host()[0] == 1);
  CHECK(counted(PlaitEmulatorKernels) == kernels);
  CHECK_CUDA(cudaGraphLaunch(exec, s.b));
  CHECK_CUDA(cudaGraphLaunch(exec, s.b));
  CHECK_CUDA(cudaGraphExecDestroy(exec));  // what was launched still runs
  CHECK_CUDA(cudaStreamSynchronize(s.b));
  CHECK(data.host()[0] == (((1 + 2) * 3) + 2) * 3);
  CHECK(cudaGraphLaunch(exec, s.b) == cudaErrorInvalidValue);
}

TEST_CASE("a capture spreads over streams by events", "[emulator][graphs]") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    plait_emulator_set_seed(seed);
    Streams s;
    DeviceArray<int> data(std::vector<int>{10, 0, 0, 0});
    int* d = data.data();
    cudaGraph_t graph;
    CHECK_CUDA(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeGlobal));
    CHECK_CUDA(run(add, 1, 1, 0, s.a, d, 1));
    CHECK_CUDA(cudaEventRecord(s.fork, s.a));
    CHECK_CUDA(cudaStreamWaitEvent(s.b, s.fork));
    CHECK_CUDA(run(copy_one, 1, 1, 0, s.a, d + 1, static_cast<const int*>(d)));
    CHECK_CUDA(run(copy_one, 1, 1, 0, s.b, d + 2, static_cast<const int*>(d)));
    CHECK_CUDA(run(add, 1, 1, 0, s.b, d + 2, 100));
    CHECK_CUDA(cudaEventRecord(s.join, s.b));
    CHECK_CUDA(cudaStreamWaitEvent(s.a, s.join));
    CHECK_CUDA(run(sum, 1, 1, 0, s.a, d + 3, static_cast<const int*>(d + 1), static_cast<const int*>(d + 2)));
    CHECK_CUDA(cudaStreamEndCapture(s.a, &graph));
    const cudaGraphExec_t exec = instantiate(graph);
    CHECK_CUDA(cudaGraphLaunch(exec, 0));
    CHECK(data.host() == std::vector<int>{11, 11, 111, 122});
    CHECK_CUDA(cudaGraphExecDestroy(exec));
  }
}

TEST_CASE("copies, fills and graphs within a capture", "[emulator][graphs]") {
  Streams s;
  DeviceArray<int> data(std::vector<int>{1, 2, 3});
  cudaGraph_t inner, outer;
  CHECK_CUDA(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeGlobal));
  CHECK_CUDA(cudaMemcpyAsync(data.data(), data.data() + 2, 4, cudaMemcpyDeviceToDevice, s.a));
  CHECK_CUDA(cudaMemsetAsync(data.data() + 1, 0, 4, s.a));
  CHECK_CUDA(cudaStreamEndCapture(s.a, &inner));
  const cudaGraphExec_t inner_exec = instantiate(inner);
  CHECK_CUDA(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeGlobal));
  CHECK_CUDA(cudaGraphLaunch(inner_exec, s.a));
  CHECK_CUDA(run(add, 1, 1, 0, s.a, data.data(), 5));
  CHECK_CUDA(cudaStreamEndCapture(s.a, &outer));
  const cudaGraphExec_t exec = instantiate(outer);
  CHECK_CUDA(cudaGraphLaunch(exec, s.a));
  CHECK_CUDA(cudaStreamSynchronize(s.a));
  CHECK(data.host() == std::vector<int>{8, 0, 3});
}

TEST_CASE("what capture does not allow invalidates it", "[emulator][graphs]") {
  Streams s;
  void* memory = nullptr;
  CHECK(capture_status(s.a, [&] {
          CHECK(cudaStreamSynchronize(s.a) == cudaErrorStreamCaptureUnsupported);
        }) == cudaErrorStreamCaptureInvalidated);
  CHECK(capture_status(s.a, [&] { CHECK(cudaStreamQuery(s.a) == cudaErrorStreamCaptureUnsupported); }) ==
        cudaErrorStreamCaptureInvalidated);
  CHECK(capture_status(s.a, [&] { CHECK(cudaDeviceSynchronize() == cudaErrorStreamCaptureUnsupported); }) ==
        cudaErrorStreamCaptureInvalidated);
  CHECK(capture_status(s.a, [&] { CHECK(cudaMalloc(&memory, 8) == cudaErrorStreamCaptureUnsupported); }) ==
        cudaErrorStreamCaptureInvalidated);
  DeviceArray<int> data(1);
  int host = 0;
  CHECK(capture_status(s.a, [&] {
          CHECK(cudaMemcpy(&host, data.data(), 4, cudaMemcpyDeviceToHost) ==
                cudaErrorStreamCaptureUnsupported);
        }) == cudaErrorStreamCaptureInvalidated);
  CHECK(capture_status(s.a, [&] {
          CHECK_CUDA(cudaEventRecord(s.fork, s.a));
          CHECK(cudaEventQuery(s.fork) != cudaSuccess);
        }) == cudaErrorStreamCaptureInvalidated);
  // After such a call nothing more is recorded.
  CHECK(capture_status(s.a, [&] {
          CHECK(cudaDeviceSynchronize() == cudaErrorStreamCaptureUnsupported);
          CHECK(run(add, 1, 1, 0, s.a, data.data(), 1) == cudaErrorStreamCaptureInvalidated);
        }) == cudaErrorStreamCaptureInvalidated);
  CHECK(capture_status(s.a, [&] { CHECK_CUDA(run(add, 1, 1, 0, s.a, data.data(), 1)); }) == cudaSuccess);
}

TEST_CASE("the capture's mode decides whom it binds", "[emulator][graphs]") {
  Streams s;
  void* memory = nullptr;
  const auto allocate = [&] { return cudaMalloc(&memory, 8); };
  const auto elsewhere = [&] {
    cudaError_t status = cudaSuccess;
    std::thread([&] { status = allocate(); }).join();
    return status;
  };
  CHECK(capture_status(
            s.a, [&] { CHECK(allocate() == cudaSuccess); }, cudaStreamCaptureModeRelaxed) == cudaSuccess);
  CHECK(capture_status(
            s.a, [&] { CHECK(elsewhere() == cudaSuccess); }, cudaStreamCaptureModeThreadLocal) ==
        cudaSuccess);
  CHECK(capture_status(s.a, [&] { CHECK(elsewhere() == cudaErrorStreamCaptureUnsupported); }) ==
        cudaErrorStreamCaptureInvalidated);
  CHECK(capture_status(s.a, [&] {  // a thread may free itself for a while
          cudaStreamCaptureMode mode = cudaStreamCaptureModeRelaxed;
          CHECK_CUDA(cudaThreadExchangeStreamCaptureMode(&mode));
          CHECK(mode == cudaStreamCaptureModeGlobal);
          CHECK(allocate() == cudaSuccess);
          CHECK_CUDA(cudaThreadExchangeStreamCaptureMode(&mode));
          CHECK(mode == cudaStreamCaptureModeRelaxed);
        }) == cudaSuccess);
  CHECK_CUDA(cudaStreamBeginCapture(s.a, cudaStreamCaptureModeThreadLocal));
  cudaGraph_t graph;
  std::thread([&] { CHECK(cudaStreamEndCapture(s.a, &graph) == cudaErrorStreamCaptureWrongThread); }).join();
  CHECK_CUDA(cudaStreamEndCapture(s.a, &graph));
  CHECK_CUDA(cudaGraphDestroy(graph));
}

TEST_CASE("captures must be joined, apart and by themselves", "[emulator][graphs]") {
  Streams s;
  DeviceArray<int> data(1);
  CHECK(capture_status(s.a, [&] {
          CHECK_CUDA(cudaEventRecord(s.fork, s.a));
          CHECK_CUDA(cudaStreamWaitEvent(s.b, s.fork));
          CHECK_CUDA(run(add, 1, 1, 0, s.b, data.data(), 1));
        }) == cudaErrorStreamCaptureUnjoined);
  cudaStreamCaptureStatus status;
  CHECK_CUDA(cudaStreamIsCapturing(s.b, &status));
  CHECK(status == cudaStreamCaptureStatusNone);
  // Work from outside.
  CHECK_CUDA(cudaEventRecord(s.join, s.b));
  CHECK(capture_status(s.a, [&] {
          CHECK(cudaStreamWaitEvent(s.a, s.join) == cudaErrorStreamCaptureIsolation);
        }) == cudaErrorStreamCaptureInvalidated);
  // Two captures do not merge.
  CHECK(capture_status(s.a, [&] {
          CHECK(capture_status(s.b, [&] {
                  CHECK_CUDA(cudaEventRecord(s.fork, s.b));
                  CHECK(cudaStreamWaitEvent(s.a, s.fork) == cudaErrorStreamCaptureMerge);
                }) == cudaErrorStreamCaptureInvalidated);
        }) == cudaErrorStreamCaptureInvalidated);
  // The legacy stream cannot be captured, nor used beside a blocking stream that is.
  CHECK(cudaStreamBeginCapture(0, cudaStreamCaptureModeGlobal) == cudaErrorStreamCaptureUnsupported);
  cudaStream_t blocking;
  CHECK_CUDA(cudaStreamCreate(&blocking));
  CHECK(capture_status(blocking, [&] {
          CHECK(run(add, 1, 1, 0, 0, data.data(), 1) == cudaErrorStreamCaptureImplicit);
        }) == cudaErrorStreamCaptureInvalidated);
  CHECK(capture_status(s.a, [&] { CHECK_CUDA(run(add, 1, 1, 0, 0, data.data(), 1)); }) == cudaSuccess);
  cudaGraph_t graph;
  CHECK(cudaStreamEndCapture(s.a, &graph) == cudaErrorIllegalState);
  CHECK_CUDA(cudaDeviceSynchronize());
  cudaGetLastError();
}
