#include "cuda/runtime/graph.h"

#include <atomic>
#include <mutex>
#include <unordered_map>

#include "core/error.h"
#include "core/recorder.h"
#include "core/tensor.h"
#include "cuda/runtime/capture.h"
#include "cuda/runtime/event.h"
#include "cuda/runtime/event_pool.h"
#include "cuda/runtime/fault.h"
#include "cuda/runtime/memory.h"
#include "cuda/runtime/random.h"

namespace plait::cuda {
namespace {

// Note [Random numbers of graphs]: an op draws (seed, offset) from a generator and hands both to its kernel;
// a captured kernel would get the same pair at each replay. So while a graph is captured, its generators have
// a state that is no seed but a token, of a value that no capture before had, and count from offset 0. What
// is drawn then names its graph for ever: `philox_state_for` finds the token and gives the kernel, beside the
// offset, the address of two words on the device. Each replay writes the generator's true seed and offset
// there, in the stream's order before the launch, and moves the generator on by the draws of the graph. The
// numbers are those that the same ops would have drawn eagerly. A derivative that computes the mask of its
// forward again finds the same words, be it captured in the same graph, in another one, or run eagerly after
// a replay.
constexpr uint64_t kTokenMark = 0xC0DA'6B1Fu;  // the upper half of every token

struct Tokens {
  std::mutex mutex;
  std::unordered_map<uint64_t, const uint64_t*> words;
};
Tokens& tokens() {
  static auto* all = new Tokens;
  return *all;
}
bool is_token(uint64_t seed) { return seed >> 32 == kTokenMark; }

uint64_t new_token(const uint64_t* words) {
  static std::atomic<uint32_t> next{1};
  const uint64_t token = kTokenMark << 32 | next.fetch_add(1);
  Tokens& all = tokens();
  std::lock_guard lock(all.mutex);
  all.words[token] = words;
  return token;
}

void forget_token(uint64_t token) noexcept {
  Tokens& all = tokens();
  std::lock_guard lock(all.mutex);
  all.words.erase(token);
}

cudaStreamCaptureMode mode_of(const std::string& name) {
  if (name == "global") return cudaStreamCaptureModeGlobal;
  if (name == "thread_local") return cudaStreamCaptureModeThreadLocal;
  if (name == "relaxed") return cudaStreamCaptureModeRelaxed;
  fail<ValueError>("CUDAGraph: expected capture_error_mode 'global', 'thread_local' or 'relaxed', got '{}'",
                   name);
}

std::atomic<uint64_t> g_pool_numbers{1};

}  // namespace

PoolId new_pool_id() { return {0, g_pool_numbers.fetch_add(1)}; }

RandomState philox_state_for(GeneratorImpl::Draw draw) {
  if (__builtin_expect(!is_token(draw.seed), 1)) return {draw.seed, draw.offset, nullptr};
  Tokens& all = tokens();
  std::lock_guard lock(all.mutex);
  const auto found = all.words.find(draw.seed);
  if (found == all.words.end()) {
    // Perhaps the graph was reset; and a user may choose such a seed.
    return {draw.seed, draw.offset, nullptr};
  }
  return {draw.seed, draw.offset, found->second};
}

RandomState philox_state(const Generator& generator) {
  const GeneratorImpl::Draw draw = next_draw(generator);
  if (__builtin_expect(captures_underway() != 0, 0) && !is_token(draw.seed) && is_capturing())
    fail<RuntimeError>(
        "a graph is being captured that does not know this generator: its numbers would be the same at each "
        "replay; call graph.register_generator_state(generator) before the capture, and seed it outside");
  return philox_state_for(draw);
}

Graph::~Graph() { reset_quietly(); }

void Graph::register_generator(Generator generator) {
  check<RuntimeError>(!capturing_ && !executable_,
                      "CUDAGraph.register_generator_state: call it before the capture begins");
  check<ValueError>(static_cast<bool>(generator), "CUDAGraph.register_generator_state: expected a Generator");
  for (const Source& known : sources_)
    if (known.generator == generator) return;
  sources_.emplace_back().generator = std::move(generator);
}

CudaPoolId Graph::pool() const {
  check<RuntimeError>(holds_pool_, "CUDAGraph.pool: the graph has no pool before it is captured");
  return {pool_.owner, pool_.number};
}

void Graph::capture_begin(CudaPoolId pool, const std::string& error_mode) {
  check_not_forked();
  check<RuntimeError>(!capturing_, "CUDAGraph.capture_begin: the graph is being captured already");
  check<RuntimeError>(!executable_ && !graph_,
                      "CUDAGraph.capture_begin: the graph holds a capture already; call .reset() first");
  const cudaStreamCaptureMode mode = mode_of(error_mode);
  const int device = current_device();
  const cudaStream_t stream = current_stream();
  check<RuntimeError>(stream != nullptr && stream != cudaStreamLegacy && stream != cudaStreamPerThread,
                      "CUDAGraph.capture_begin: the null stream cannot be captured; capture on another one, "
                      "which plait.cuda.graph(...) does by itself");
  device_ = device;
  stream_ = stream;
  pool_ = pool == CudaPoolId{} ? PoolId{g_pool_numbers.fetch_add(1), 0} : PoolId{pool.first, pool.second};
  fault_slot();  // page-locked memory is better asked for before
  register_generator(default_generator());
  for (Source& source : sources_) source.words = allocate_storage(2 * sizeof(uint64_t), device);

  check_cuda(cudaStreamBeginCapture(stream, mode));
  end_lower_copies();
  capturing_ = true;
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check_cuda(cudaStreamGetCaptureInfo(stream, &status, &capture_));
  begin_allocations_to_pool(device, pool_, capture_);
  holds_pool_ = true;
  for (Source& source : sources_) {
    source.token = new_token(static_cast<const uint64_t*>(source.words->data()));
    source.before = source.generator->state();
    source.generator->set_state({source.token, 0});
  }
}

void Graph::finish_capture(bool ok) {
  capturing_ = false;
  end_lower_copies();
  if (holds_pool_) end_allocations_to_pool(device_, pool_, capture_);
  const Source* reseeded = nullptr;
  for (Source& source : sources_) {
    if (!source.token) continue;
    const GeneratorImpl::Draw after = source.generator->state();
    source.draws = after.offset;
    if (after.seed != source.token)
      reseeded = &source;  // its new state stays
    else
      source.generator->set_state(source.before);
  }
  check<RuntimeError>(
      !ok || !reseeded,
      "CUDAGraph: a generator was seeded during the capture; seed it before, replays go on from its "
      "state");
}

void Graph::capture_end() {
  check<RuntimeError>(capturing_, "CUDAGraph.capture_end: no capture was begun");
  check_not_forked();
  const DeviceGuard guard(device_);
  const cudaError_t status = cudaStreamEndCapture(stream_, &graph_);
  finish_capture(status == cudaSuccess);
  check_status(status, "cudaStreamEndCapture");
  check<RuntimeError>(graph_ != nullptr,
                      "CUDAGraph.capture_end: the capture became invalid, there is no graph");
  size_t nodes = 0;
  check_cuda(cudaGraphGetNodes(graph_, nullptr, &nodes));
  nodes_ = static_cast<int64_t>(nodes);
  check_cuda(cudaGraphInstantiate(&executable_, graph_, 0));
  if (!debug_) {
    check_cuda(cudaGraphDestroy(graph_));
    graph_ = nullptr;
  }
}

// The words are written in the stream's order. A replay on another stream than the last one's waits for that
// one, which may not have read its words yet.
void Graph::write_words(cudaStream_t stream) {
  bool any = false;
  for (const Source& source : sources_) any = any || source.draws;
  if (!any) return;
  if (last_replay_ && stream != last_stream_) check_cuda(cudaStreamWaitEvent(stream, last_replay_, 0));
  for (Source& source : sources_) {
    if (!source.draws) continue;
    const GeneratorImpl::Draw now = source.generator->state();
    source.generator->set_state({now.seed, now.offset + source.draws});
    // From pageable memory: CUDA takes a copy before it returns.
    const uint64_t words[2] = {now.offset, now.seed};
    upload(source.words->data(), words, sizeof words, stream);
  }
}

void Graph::replay() {
  check<RuntimeError>(executable_ != nullptr, "CUDAGraph.replay: the graph was not captured, or was reset");
  check_not_forked();
  const DeviceGuard guard(device_);
  const cudaStream_t stream = current_stream();
  write_words(stream);
  {
    RecordScope launch;  // for the profiler: what the graph's kernels were launched by
    if (__builtin_expect(recording(), 0)) launch.open(EventKind::Op, "CUDAGraph.replay", 0);
    check_cuda(cudaGraphLaunch(executable_, stream));
  }
  end_lower_copies();
  for (const Source& source : sources_) {
    if (!source.draws) continue;
    if (stream != stream_) record_stream(*source.words, stream);
    if (!last_replay_) last_replay_ = take_event(device_);
    if (last_replay_) check_cuda(cudaEventRecord(last_replay_, stream));
    break;
  }
  last_stream_ = stream;
}

void Graph::reset() {
  check<RuntimeError>(!capturing_, "CUDAGraph.reset: the graph is being captured; end the capture first");
  check_not_forked();
  reset_quietly();
}

void Graph::reset_quietly() noexcept {
  if (forked()) return;
  try {
    if (capturing_) {
      cudaGraph_t unfinished = nullptr;
      cudaStreamEndCapture(stream_, &unfinished);
      if (unfinished) cudaGraphDestroy(unfinished);
      finish_capture(false);
    }
    if (executable_) cudaGraphExecDestroy(executable_);
    if (graph_) cudaGraphDestroy(graph_);
    cudaGetLastError();  // the process may be ending
    if (last_replay_) give_event(device_, last_replay_);
    for (const Source& source : sources_)
      if (source.token) forget_token(source.token);
    if (holds_pool_) release_pool(device_, pool_);
  } catch (...) {
  }
  executable_ = nullptr;
  graph_ = nullptr;
  last_replay_ = nullptr;
  sources_.clear();
  holds_pool_ = false;
  nodes_ = 0;
}

void Graph::debug_dump(const std::string& path) {
  check<RuntimeError>(graph_ != nullptr,
                      "CUDAGraph.debug_dump: call .enable_debug_mode() before the capture");
#ifdef PLAIT_CUDA_EMULATED
  fail<NotImplementedError>("CUDAGraph.debug_dump: the emulator writes no graph to {}; it needs a GPU", path);
#else
  check_cuda(cudaGraphDebugDotPrint(graph_, path.c_str(), cudaGraphDebugDotFlagsVerbose));
#endif
}

}  // namespace plait::cuda
