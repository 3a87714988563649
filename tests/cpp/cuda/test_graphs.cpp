#include "cuda/runtime/event.h"
#include "cuda/runtime/graph.h"
#include "cuda/runtime/random.h"
#include "plait/philox.h"
#include "support.h"

using namespace plait;
using namespace plait::cuda;

namespace {

__global__ void add_one(float* to, int64_t n) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i < n) to[i] += 1;
}
__global__ void random_bits(uint32_t* to, int64_t n, RandomState state) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const PhiloxKey key = state.key();
  to[i] = philox_bits32(key.seed, key.offset, static_cast<uint64_t>(i));
}
void draw(void* to, int64_t n, RandomState state) {
  launch(random_bits, threads_for(n, current_stream()), static_cast<uint32_t*>(to), n, state);
}
std::vector<uint32_t> read_bits(const void* from, int64_t n) {
  synchronize_device(0);
  std::vector<uint32_t> values(static_cast<size_t>(n));
  check_cuda(cudaMemcpy(values.data(), from, values.size() * 4, cudaMemcpyDeviceToHost));
  return values;
}

// A capture on a stream of its own.
struct Capture {
  Capture(Graph& graph, CudaPoolId pool = {}) : graph(graph), guard(0, pooled_stream(0, 0)) {
    graph.capture_begin(pool, "global");
  }
  ~Capture() { graph.capture_end(); }
  Graph& graph;
  StreamGuard guard;
};

}  // namespace

TEST_CASE("a captured graph runs at each replay, and not before") {
  Clean clean;
  constexpr int64_t n = 100;
  const OwnedBlock a = take(4 * n);
  fill(block_data(a.get()), n, 0, nullptr);
  synchronize_device(0);
  Graph graph;
  CHECK_THAT(text_of<RuntimeError>([&] { graph.replay(); }), ContainsSubstring("was not captured"));
  {
    Capture capture(graph);
    CHECK(captures_underway() == 1);
    launch(add_one, threads_for(n, current_stream()), static_cast<float*>(block_data(a.get())), n);
    launch(add_one, threads_for(n, current_stream()), static_cast<float*>(block_data(a.get())), n);
  }
  CHECK(captures_underway() == 0);
  CHECK(graph.node_count() == 2);
  CHECK(read(block_data(a.get()), n) == std::vector<float>(n, 0));
  for (int i = 0; i < 3; ++i) graph.replay();
  synchronize_device(0);
  CHECK(read(block_data(a.get()), n) == std::vector<float>(n, 6));
  CHECK_THAT(text_of<RuntimeError>([&] { Capture again(graph); }), ContainsSubstring("call .reset() first"));
  graph.reset();
  CHECK_THROWS_AS(graph.replay(), RuntimeError);
}

TEST_CASE("the null stream is not captured; modes and errors") {
  Clean clean;
  Graph graph;
  CHECK_THAT(text_of<RuntimeError>([&] { graph.capture_begin({}, "global"); }),
             ContainsSubstring("the null stream cannot be captured"));
  CHECK_THROWS_AS(graph.capture_begin({}, "nonsense"), ValueError);
  CHECK_THROWS_AS(graph.capture_end(), RuntimeError);
  CHECK_THROWS_AS(graph.pool(), RuntimeError);
  // What waits for the device makes the capture invalid, and says what to do.
  {
    const StreamGuard guard(0, pooled_stream(0, 0));
    graph.capture_begin({}, "thread_local");
    CHECK_THAT(text_of<RuntimeError>([] { synchronize_stream(current_stream()); }),
               ContainsSubstring("a graph is being captured"));
    CHECK_THROWS_AS(graph.capture_end(), RuntimeError);
  }
  CHECK(captures_underway() == 0);
  const StreamGuard guard(0, pooled_stream(0, 0));
  graph.reset();
  graph.capture_begin({}, "relaxed");
  graph.capture_end();
  CHECK(graph.node_count() == 0);
}

TEST_CASE("memory of a captured graph is its own") {
  Clean clean;
  constexpr int64_t n = 1000;
  const OwnedBlock result = take(4 * n);
  void* inside;
  Graph graph;
  {
    Capture capture(graph);
    const OwnedBlock scratch = take(4 * n, current_stream());
    inside = block_data(scratch.get());
    fill(inside, n, 3, current_stream());
    copy(block_data(result.get()), inside, n, current_stream());
    {
      // Freed in the capture, it is used again in the capture.
      const OwnedBlock second = take(5 * kMiB, current_stream());
      fill(block_data(second.get()), n, 1, current_stream());
    }
    const OwnedBlock third = take(5 * kMiB, current_stream());
    fill(block_data(third.get()), n, 2, current_stream());
  }
  const cudaStream_t stream = pooled_stream(0, 0);
  for (int i = 0; i < 40; ++i) CHECK(block_data(take(4 * n, stream).get()) != inside);
  for (int i = 0; i < 40; ++i) {  // and of the stream that captured
    const OwnedBlock eager = take(4 * n, pooled_stream(0, 0));
    CHECK(block_data(eager.get()) != inside);
    fill(block_data(eager.get()), n, -5, stream);
  }
  empty_cache();  // leaves it
  graph.replay();
  synchronize_device(0);
  CHECK(read(block_data(result.get()), n) == std::vector<float>(n, 3));
  bool found = false;
  for (const SegmentInfo& segment : memory_snapshot())
    for (const BlockInfo& block : segment.blocks)
      if (block.address == reinterpret_cast<uintptr_t>(inside)) {
        found = true;
        CHECK((PoolId{graph.pool().first, graph.pool().second} == segment.pool));
      }
  CHECK(found);
  const PoolId pool{graph.pool().first, graph.pool().second};
  const auto bytes_of_pool = [&] {
    size_t bytes = 0;
    for (const SegmentInfo& segment : memory_snapshot()) bytes += segment.pool == pool ? segment.size : 0;
    return bytes;
  };
  CHECK(bytes_of_pool() == 22 * kMiB);
  graph.reset();
  empty_cache();
  CHECK(bytes_of_pool() == 0);
}

TEST_CASE("graphs share a pool where asked to") {
  Clean clean;
  const PoolId handle = new_pool_id();
  CHECK_FALSE(new_pool_id() == handle);
  Graph first, second;
  void *a, *b;
  {
    Capture capture(first, {handle.owner, handle.number});
    a = block_data(take(3 * kMiB, current_stream()).get());
  }
  // Blocks belong to a stream: the second capture must be on the same one to use them.
  CHECK(first.pool() == CudaPoolId{handle.owner, handle.number});
  const int64_t reserved = stat(Stat::ReservedBytes);
  {
    Capture capture(second, first.pool());
    b = block_data(take(3 * kMiB, current_stream()).get());
  }
  CHECK(stat(Stat::ReservedBytes) >= reserved);
  CHECK((a && b));
  first.reset();
  empty_cache();
  CHECK(stat(Stat::ReservedBytes) >= reserved);  // the second still holds the pool
  second.reset();
}

TEST_CASE("during a capture nothing is freed, and blocks of other streams are put off") {
  Clean clean;
  const cudaStream_t side = pooled_stream(0, 0);
  take(30 * kMiB).reset();
  Storage storage = allocate_storage(4000, 0);
  fill(storage->data(), 10, 1, side);
  record_stream(*storage, side);
  Graph graph;
  const uint64_t frees = counter(PlaitEmulatorFrees);
  {
    Capture capture(graph);
    storage.reset();
    empty_cache();
    CHECK(counter(PlaitEmulatorFrees) == frees);
    CHECK(stat(Stat::ActiveBytes) - stat(Stat::AllocatedBytes) == 4096);
    fill(block_data(take(10000, current_stream()).get()), 10, 1, current_stream());
  }
  CHECK(counter(PlaitEmulatorFrees) > frees);  // at the end of the capture
  CHECK(stat(Stat::ActiveBytes) == stat(Stat::AllocatedBytes));
}

TEST_CASE("streams that join a capture allocate from its pool") {
  Clean clean;
  const cudaStream_t side = pooled_stream(0, 0);
  Graph graph;
  void* inside;
  {
    Capture capture(graph);
    order_streams(0, current_stream(), 0, side);
    const OwnedBlock block = take(4000, side);
    inside = block_data(block.get());
    fill(inside, 100, 1, side);
    order_streams(0, side, 0, current_stream());
  }
  for (int i = 0; i < 10; ++i) CHECK(block_data(take(4000, side).get()) != inside);
  graph.replay();
  synchronize_device(0);
}

TEST_CASE("replays draw the numbers that the same ops draw eagerly") {
  Clean clean;
  constexpr int64_t n = 64;
  const Generator generator = default_generator();
  const auto before = generator->state();
  const OwnedBlock a = take(4 * n), b = take(4 * n), c = take(4 * n);
  const auto step = [&] {
    const GeneratorImpl::Draw of_a = next_draw({});
    draw(block_data(a.get()), n, philox_state_for(of_a));
    draw(block_data(b.get()), n, philox_state({}));
    draw(block_data(c.get()), n, philox_state_for(of_a));  // the derivative of a dropout: the same mask
  };
  const auto values = [&] {
    return std::vector{read_bits(block_data(a.get()), n), read_bits(block_data(b.get()), n),
                       read_bits(block_data(c.get()), n)};
  };
  std::vector<std::vector<std::vector<uint32_t>>> eager;
  generator->set_state({123, 0});
  for (int i = 0; i < 4; ++i) {
    step();
    eager.push_back(values());
    CHECK(eager.back()[0] == eager.back()[2]);
    CHECK(eager.back()[0] != eager.back()[1]);
  }
  generator->set_state({123, 0});
  Graph graph;
  {
    Capture capture(graph);
    step();
  }
  CHECK(generator->state().seed == 123);
  CHECK(generator->state().offset == 0);  // a capture draws nothing
  for (int i = 0; i < 4; ++i) {
    graph.replay();
    CHECK(values() == eager[static_cast<size_t>(i)]);
  }
  CHECK(generator->state().offset == 8);
  // Seeding again starts again, and eager draws between replays are drawn once.
  generator->set_state({123, 0});
  graph.replay();
  CHECK(values() == eager[0]);
  step();
  CHECK(values() == eager[1]);
  graph.replay();
  CHECK(values() == eager[2]);
  // Without waiting between the replays, on other streams, too.
  generator->set_state({123, 0});
  for (int i = 0; i < 3; ++i) {
    const StreamGuard guard(0, pooled_stream(0, 0));
    graph.replay();
  }
  CHECK(values() == eager[2]);
  generator->set_state(before);
}

TEST_CASE("generators of a graph are its own where they are registered") {
  Clean clean;
  constexpr int64_t n = 32;
  const auto generator = Generator::adopt(new GeneratorImpl(7));
  const OwnedBlock a = take(4 * n);
  {
    Graph graph;
    Capture capture(graph);
    CHECK_THAT(text_of<RuntimeError>([&] { philox_state(generator); }),
               ContainsSubstring("call graph.register_generator_state(generator)"));
  }
  generator->set_state({7, 0});
  draw(block_data(a.get()), n, philox_state(generator));
  const auto first = read_bits(block_data(a.get()), n);
  draw(block_data(a.get()), n, philox_state(generator));
  const auto second = read_bits(block_data(a.get()), n);
  generator->set_state({7, 0});
  Graph graph;
  graph.register_generator(generator);
  {
    Capture capture(graph);
    draw(block_data(a.get()), n, philox_state(generator));
  }
  graph.replay();
  CHECK(read_bits(block_data(a.get()), n) == first);
  graph.replay();
  CHECK(read_bits(block_data(a.get()), n) == second);
  CHECK_THROWS_AS(graph.register_generator(generator), RuntimeError);  // too late

  Graph seeded;
  const StreamGuard guard(0, pooled_stream(0, 0));
  seeded.capture_begin({}, "global");
  default_generator()->set_state({5, 0});
  CHECK_THAT(text_of<RuntimeError>([&] { seeded.capture_end(); }),
             ContainsSubstring("seeded during the capture"));
}

TEST_CASE("a backward that is captured apart computes the mask of its forward") {
  Clean clean;
  constexpr int64_t n = 64;
  const Generator generator = default_generator();
  const auto before = generator->state();
  generator->set_state({99, 4});
  const OwnedBlock mask = take(4 * n), again = take(4 * n), eager = take(4 * n);
  Graph forward, backward;
  GeneratorImpl::Draw drawn;
  {
    Capture capture(forward);
    drawn = next_draw({});
    draw(block_data(mask.get()), n, philox_state_for(drawn));
  }
  {
    Capture capture(backward);
    draw(block_data(again.get()), n, philox_state_for(drawn));
  }
  std::vector<uint32_t> last;
  for (int i = 0; i < 3; ++i) {
    forward.replay();
    backward.replay();
    draw(block_data(eager.get()), n, philox_state_for(drawn));  // and one that was not captured
    const auto values = read_bits(block_data(mask.get()), n);
    CHECK(values != last);
    CHECK(values == read_bits(block_data(again.get()), n));
    CHECK(values == read_bits(block_data(eager.get()), n));
    last = values;
  }
  CHECK(generator->state().offset == 7);
  generator->set_state(before);
}
