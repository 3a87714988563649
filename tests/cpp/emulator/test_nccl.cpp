// The emulated NCCL, linked as the library would be loaded: sums written out here, ranks as threads with a
// device each and as processes, and what is refused.
#include <nccl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>

#include "device.h"
#include "emulator/launch.h"

extern "C" int plait_emulator_nccl_communicators(void);

namespace {

constexpr auto kPatience = std::chrono::seconds(30);

ncclUniqueId new_id() {
  ncclUniqueId id;
  REQUIRE(ncclGetUniqueId(&id) == ncclSuccess);
  return id;
}

// Asks until the communicator has done what it was called for.
ncclResult_t settle(ncclComm_t comm) {
  const auto until = std::chrono::steady_clock::now() + kPatience;
  ncclResult_t status = ncclInProgress;
  while (status == ncclInProgress && std::chrono::steady_clock::now() < until) {
    if (ncclCommGetAsyncError(comm, &status) != ncclSuccess) return ncclInternalError;
    if (status == ncclInProgress) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return status;
}
ncclResult_t settle(ncclResult_t status, ncclComm_t comm) {
  return status == ncclInProgress ? settle(comm) : status;
}

struct Rank {
  int rank, size;
  ncclComm_t comm = nullptr;
  cudaStream_t stream = nullptr;

  // Of a communicator that does not block.
  ncclResult_t connect(ncclUniqueId id) {
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    if (cudaSetDevice(rank) != cudaSuccess) return ncclUnhandledCudaError;
    if (cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking) != cudaSuccess)
      return ncclUnhandledCudaError;
    const ncclResult_t begun = ncclCommInitRankConfig(&comm, size, id, rank, &config);
    return settle(begun, comm);
  }
  ncclResult_t done(ncclResult_t status) const { return settle(status, comm); }
  // Catch2's assertions belong to the main thread, so that others count what went wrong.
  int disconnect() const {
    int wrong = settle(ncclCommFinalize(comm), comm) != ncclSuccess;
    wrong += ncclCommDestroy(comm) != ncclSuccess;
    return wrong;
  }
};

// body(rank) in a thread for each of two ranks; it returns how much went wrong.
int run_ranks(const std::function<int(Rank&)>& body) {
  const ncclUniqueId id = new_id();
  int wrong[2] = {0, 0};
  std::vector<std::thread> threads;
  for (int r = 0; r < 2; ++r)
    threads.emplace_back([&, r] {
      Rank rank{r, 2};
      wrong[r] = rank.connect(id) == ncclSuccess ? body(rank) : 1000;
    });
  for (std::thread& thread : threads) thread.join();
  CHECK_CUDA(cudaSetDevice(0));
  cudaGetLastError();
  return wrong[0] + wrong[1];
}

template <class T>
class Buffer {  // as DeviceArray, without assertions
 public:
  explicit Buffer(const std::vector<T>& values) : size_(values.size()) {
    cudaMalloc(&data_, size_ * sizeof(T));
    cudaMemcpy(data_, values.data(), size_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  ~Buffer() { cudaFree(data_); }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  T* data() const { return data_; }
  std::vector<T> host(cudaStream_t stream) const {
    std::vector<T> values(size_);
    cudaStreamSynchronize(stream);
    cudaMemcpy(values.data(), data_, size_ * sizeof(T), cudaMemcpyDeviceToHost);
    return values;
  }

 private:
  T* data_ = nullptr;
  size_t size_;
};

using Floats = std::vector<float>;

__global__ void write_all(float* to, int n, float value) {
  for (int i = 0; i < n; ++i) to[i] = value;
}

// All collectives of a rank, against sums written out.
int all_collectives(Rank& rank) {
  const auto r = float(rank.rank);
  const auto n = float(rank.size);
  const float sum = n * (n - 1) / 2;
  int wrong = 0;
  const auto expect = [&](const Buffer<float>& got, const Floats& expected) {
    wrong += got.host(rank.stream) != expected;
  };
  const auto ok = [&](ncclResult_t status) { wrong += rank.done(status) != ncclSuccess; };

  const Buffer<float> x({r, r + 1, 2 * r});
  ok(ncclAllReduce(x.data(), x.data(), 3, ncclFloat32, ncclSum, rank.comm, rank.stream));
  expect(x, {sum, sum + n, 2 * sum});
  ok(ncclAllReduce(x.data(), x.data(), 3, ncclFloat32, ncclMax, rank.comm, rank.stream));
  expect(x, {sum, sum + n, 2 * sum});

  const Buffer<float> y({r});
  ok(ncclReduce(y.data(), y.data(), 1, ncclFloat32, ncclSum, rank.size - 1, rank.comm, rank.stream));
  expect(y, {rank.rank == rank.size - 1 ? sum : r});

  const Buffer<float> z({r, r});
  ok(ncclBroadcast(z.data(), z.data(), 2, ncclFloat32, 1, rank.comm, rank.stream));
  expect(z, {1, 1});

  Floats all(size_t(rank.size)), mine(size_t(rank.size), -1);
  for (int i = 0; i < rank.size; ++i) all[size_t(i)] = float(i);
  mine[size_t(rank.rank)] = r;
  const Buffer<float> gathered(mine);
  ok(ncclAllGather(gathered.data() + rank.rank, gathered.data(), 1, ncclFloat32, rank.comm, rank.stream));
  expect(gathered, all);
  const Buffer<float> part({-1});
  ok(ncclReduceScatter(gathered.data(), part.data(), 1, ncclFloat32, ncclSum, rank.comm, rank.stream));
  expect(part, {n * r});

  // A ring, which would stand without a group.
  const Buffer<float> out({r, 10 * r}), in({-1, -1});
  ok(ncclGroupStart());
  ok(ncclSend(out.data(), 2, ncclFloat32, (rank.rank + 1) % rank.size, rank.comm, rank.stream));
  ok(ncclRecv(in.data(), 2, ncclFloat32, (rank.rank + rank.size - 1) % rank.size, rank.comm, rank.stream));
  ok(ncclGroupEnd());
  const auto before = float((rank.rank + rank.size - 1) % rank.size);
  expect(in, {before, 10 * before});

  // More than the slots that a rank may be ahead, and more data than are kept.
  const Buffer<float> counter({1});
  for (int i = 0; i < 200; ++i)
    ok(ncclAllReduce(counter.data(), counter.data(), 1, ncclFloat32, ncclAvg, rank.comm, rank.stream));
  expect(counter, {1});
  return wrong;
}

std::string hex(const ncclUniqueId& id) {
  std::string text;
  for (const char byte : id.internal) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(byte));
    text += digits;
  }
  return text;
}

// This program again, as another rank.
pid_t start_process(const std::string& test, int rank, int size, const ncclUniqueId& id) {
  const std::string r = std::to_string(rank), n = std::to_string(size), text = hex(id);
  const pid_t child = fork();
  if (child != 0) return child;
  setenv("NCCL_TEST_RANK", r.c_str(), 1);
  setenv("NCCL_TEST_SIZE", n.c_str(), 1);
  setenv("NCCL_TEST_ID", text.c_str(), 1);
  setenv("PLAIT_CUDA_EMULATOR_DEVICES", n.c_str(), 1);
  execl("/proc/self/exe", "plait_emulator_tests", test.c_str(), static_cast<char*>(nullptr));
  _exit(127);
}
int exit_code(pid_t child) {
  int status = 0;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 1000;
  return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("one rank of several processes", "[.nccl-rank]") {
  const char* text = std::getenv("NCCL_TEST_ID");
  REQUIRE(text);
  ncclUniqueId id;
  for (size_t i = 0; i < sizeof id.internal; ++i)
    id.internal[i] = char(std::stoi(std::string(text + 2 * i, 2), nullptr, 16));
  Rank rank{std::atoi(std::getenv("NCCL_TEST_RANK")), std::atoi(std::getenv("NCCL_TEST_SIZE"))};
  REQUIRE(rank.connect(id) == ncclSuccess);
  CHECK(all_collectives(rank) == 0);
  CHECK(rank.disconnect() == 0);
}

TEST_CASE("one rank that ends without a word", "[.nccl-quitter]") {
  const char* text = std::getenv("NCCL_TEST_ID");
  REQUIRE(text);
  ncclUniqueId id;
  for (size_t i = 0; i < sizeof id.internal; ++i)
    id.internal[i] = char(std::stoi(std::string(text + 2 * i, 2), nullptr, 16));
  Rank rank{1, 2};
  REQUIRE(rank.connect(id) == ncclSuccess);
  _exit(0);
}

TEST_CASE("emulated collectives of threads with a device each", "[emulator][nccl]") {
  CHECK(run_ranks([](Rank& rank) { return all_collectives(rank) + rank.disconnect(); }) == 0);
  CHECK(plait_emulator_nccl_communicators() == 0);
}

TEST_CASE("emulated collectives of three processes", "[emulator][nccl]") {
  const ncclUniqueId id = new_id();
  std::vector<pid_t> children;
  for (int rank = 0; rank < 3; ++rank) children.push_back(start_process("[.nccl-rank]", rank, 3, id));
  for (const pid_t child : children) CHECK(exit_code(child) == 0);
}

TEST_CASE("a rank whose process has ended is reported, and aborting ends the wait", "[emulator][nccl]") {
  const ncclUniqueId id = new_id();
  const pid_t child = start_process("[.nccl-quitter]", 1, 2, id);
  Rank rank{0, 2};
  REQUIRE(rank.connect(id) == ncclSuccess);
  CHECK(exit_code(child) == 0);
  const Buffer<float> x({1});
  REQUIRE(rank.done(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, rank.comm, rank.stream)) ==
          ncclSuccess);
  ncclResult_t error = ncclSuccess;
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (error == ncclSuccess && std::chrono::steady_clock::now() < until) {
    CHECK(cudaStreamQuery(rank.stream) == cudaErrorNotReady);
    REQUIRE(ncclCommGetAsyncError(rank.comm, &error) == ncclSuccess);
  }
  cudaGetLastError();
  CHECK(error == ncclRemoteError);
  CHECK_THAT(std::string(ncclGetLastError(rank.comm)), ContainsSubstring("rank 1 has left"));
  CHECK(ncclCommAbort(rank.comm) == ncclSuccess);
  CHECK_CUDA(cudaStreamSynchronize(rank.stream));
  CHECK(x.host(rank.stream)[0] != 1);  // nobody knows what stands there
}

TEST_CASE("an emulated collective takes place though its host waits for nothing", "[emulator][nccl]") {
  CHECK(run_ranks([](Rank& rank) {
          const Buffer<float> x({1});
          int wrong = rank.done(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, rank.comm,
                                              rank.stream)) != ncclSuccess;
          // Rank 1 looks at its result only after rank 0 has seen its own.
          static std::atomic<bool> seen;
          if (rank.rank == 1)
            while (!seen) std::this_thread::yield();
          wrong += x.host(rank.stream) != Floats{2};
          seen = true;
          return wrong + rank.disconnect();
        }) == 0);
}

TEST_CASE("emulated collectives wait for their stream, and others may wait for them", "[emulator][nccl]") {
  CHECK(run_ranks([](Rank& rank) {
          const Buffer<float> x({0, 0}), y({0, 0});
          cudaStream_t other;
          cudaEvent_t event;
          int wrong = cudaStreamCreateWithFlags(&other, cudaStreamNonBlocking) != cudaSuccess;
          wrong += cudaEventCreateWithFlags(&event, cudaEventDisableTiming) != cudaSuccess;
          for (int i = 0; i < 20; ++i) {
            const auto value = float(i + rank.rank);
            wrong += run(write_all, 1, 1, 0, rank.stream, x.data(), 2, value) != cudaSuccess;
            wrong += rank.done(ncclAllReduce(x.data(), y.data(), 2, ncclFloat32, ncclSum, rank.comm,
                                             rank.stream)) != ncclSuccess;
            wrong += cudaEventRecord(event, rank.stream) != cudaSuccess;
            wrong += cudaStreamWaitEvent(other, event, 0) != cudaSuccess;
            Floats got(2);
            wrong += cudaMemcpyAsync(got.data(), y.data(), 8, cudaMemcpyDeviceToHost, other) != cudaSuccess;
            wrong += cudaStreamSynchronize(other) != cudaSuccess;
            wrong += got != Floats{float(2 * i + 1), float(2 * i + 1)};
          }
          return wrong + rank.disconnect();
        }) == 0);
}

TEST_CASE("emulated reductions of every type", "[emulator][nccl]") {
  struct Case {
    ncclDataType_t type;
    std::vector<uint64_t> bits;  // of the numbers 3 and 2, then of results: sum, product, max, min, average
  };
  const std::vector<Case> cases = {
      {ncclInt8, {0xfd, 2, 0xff, 0xfa, 2, 0xfd, 0}},  // -3 and 2
      {ncclUint8, {3, 2, 5, 6, 3, 2, 2}},
      {ncclInt32, {3, 2, 5, 6, 3, 2, 2}},
      {ncclUint32, {3, 2, 5, 6, 3, 2, 2}},
      {ncclInt64, {3, 2, 5, 6, 3, 2, 2}},
      {ncclUint64, {3, 2, 5, 6, 3, 2, 2}},
      {ncclFloat16, {0x4200, 0x4000, 0x4500, 0x4600, 0x4200, 0x4000, 0x4100}},
      {ncclBfloat16, {0x4040, 0x4000, 0x40a0, 0x40c0, 0x4040, 0x4000, 0x4020}},
      {ncclFloat32, {0x40400000, 0x40000000, 0x40a00000, 0x40c00000, 0x40400000, 0x40000000, 0x40200000}},
      {ncclFloat64,
       {0x4008000000000000, 0x4000000000000000, 0x4014000000000000, 0x4018000000000000, 0x4008000000000000,
        0x4000000000000000, 0x4004000000000000}},
      {ncclFloat8e4m3, {0x44, 0x40, 0x4a, 0x4c, 0x44, 0x40, 0x42}},
      {ncclFloat8e5m2, {0x42, 0x40, 0x45, 0x46, 0x42, 0x40, 0x41}},
  };
  constexpr size_t sizes[] = {1, 1, 4, 4, 8, 8, 2, 4, 8, 2, 1, 1};
  CHECK(run_ranks([&](Rank& rank) {
          int wrong = 0;
          for (const Case& c : cases)
            for (int op = ncclSum; op <= ncclAvg; ++op) {
              const size_t bytes = sizes[c.type];
              const Buffer<uint64_t> x({c.bits[size_t(rank.rank)]});
              wrong += rank.done(ncclAllReduce(x.data(), x.data(), 1, c.type, ncclRedOp_t(op), rank.comm,
                                               rank.stream)) != ncclSuccess;
              const uint64_t mask = bytes == 8 ? ~0ull : (1ull << (8 * bytes)) - 1;
              wrong += (x.host(rank.stream)[0] & mask) != c.bits[size_t(2 + op)];
            }
          return wrong + rank.disconnect();
        }) == 0);
}

TEST_CASE("ranks that call different things are told, and do not hang", "[emulator][nccl]") {
  CHECK(run_ranks([](Rank& rank) {
          const Buffer<float> x({1, 2});
          // Its end may have come before the call is seen to have been queued.
          rank.done(ncclAllReduce(x.data(), x.data(), size_t(1 + rank.rank), ncclFloat32, ncclSum, rank.comm,
                                  rank.stream));
          int wrong = cudaStreamSynchronize(rank.stream) != cudaSuccess;
          wrong += settle(rank.comm) != ncclInvalidUsage;
          wrong += std::string(ncclGetLastError(rank.comm)).find("differ") == std::string::npos;
          wrong += ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, rank.comm, rank.stream) !=
                   ncclInvalidUsage;
          return wrong + (ncclCommAbort(rank.comm) != ncclSuccess);
        }) == 0);
}

TEST_CASE("the emulated NCCL refuses what has no memory, no root or no communicator", "[emulator][nccl]") {
  CHECK(run_ranks([](Rank& rank) {
          const Buffer<float> x({1, 2, 3, 4});
          std::vector<float> host(4);
          int accepted = 0;
          const auto refused = [&](ncclResult_t status) { accepted += status != ncclInvalidArgument; };
          const auto reduce = [&](const void* from, void* to, size_t n) {
            refused(ncclAllReduce(from, to, n, ncclFloat32, ncclSum, rank.comm, rank.stream));
          };
          reduce(nullptr, x.data(), 1);
          reduce(x.data(), host.data(), 1);
          reduce(x.data(), x.data(), 5);
          reduce(x.data(), x.data() + 1, 2);
          refused(ncclBroadcast(x.data(), x.data(), 1, ncclFloat32, 2, rank.comm, rank.stream));
          refused(ncclReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, -1, rank.comm, rank.stream));
          refused(ncclAllReduce(x.data(), x.data(), 1, ncclDataType_t(12), ncclSum, rank.comm, rank.stream));
          refused(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclRedOp_t(5), rank.comm, rank.stream));
          refused(ncclAllGather(x.data() + 1 - rank.rank, x.data(), 1, ncclFloat32, rank.comm, rank.stream));
          refused(ncclSend(x.data(), 1, ncclFloat32, rank.rank, rank.comm, rank.stream));
          refused(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, nullptr, rank.stream));
          // The error of a call of a group is the group's, and nothing of it is done.
          accepted += ncclGroupStart() != ncclSuccess;
          accepted += ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, rank.comm, rank.stream) !=
                      ncclSuccess;
          refused(ncclSend(x.data(), 1, ncclFloat32, 7, rank.comm, rank.stream));
          refused(ncclGroupEnd());
          accepted += ncclGroupEnd() != ncclInvalidUsage;
          accepted += x.host(rank.stream) != Floats{1, 2, 3, 4};
          const int wrong = rank.disconnect();
          reduce(x.data(), x.data(), 1);
          return accepted + wrong;
        }) == 0);
  ncclComm_t comm;
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  CHECK(ncclCommInitRankConfig(&comm, 2, new_id(), 2, &config) == ncclInvalidArgument);
  config.magic = 0;
  CHECK(ncclCommInitRankConfig(&comm, 2, new_id(), 0, &config) == ncclInvalidArgument);
}

TEST_CASE("a communicator that does not block says what is in progress", "[emulator][nccl]") {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  ncclComm_t comm;
  const ncclUniqueId id = new_id();
  CHECK_CUDA(cudaSetDevice(0));
  const DeviceArray<float> x(Floats{1});
  REQUIRE(ncclCommInitRankConfig(&comm, 2, id, 0, &config) == ncclInProgress);
  ncclResult_t status = ncclSuccess;
  CHECK(ncclCommGetAsyncError(comm, &status) == ncclSuccess);
  CHECK(status == ncclInProgress);  // the other rank has not come
  CHECK(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, comm, nullptr) == ncclInvalidArgument);
  CHECK(ncclCommAbort(comm) == ncclSuccess);
  CHECK(ncclCommGetAsyncError(comm, &status) == ncclInvalidArgument);

  // Alone in its group, whose first call needs a while: nothing is queued meanwhile, and nothing else may be
  // called.
  REQUIRE(ncclCommInitRankConfig(&comm, 1, new_id(), 0, &config) == ncclInProgress);
  REQUIRE(settle(comm) == ncclSuccess);
  const uint64_t calls = counted(PlaitEmulatorLibraryCalls);
  CHECK(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, comm, nullptr) == ncclInProgress);
  CHECK(counted(PlaitEmulatorLibraryCalls) == calls);
  CHECK(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, comm, nullptr) == ncclInvalidArgument);
  CHECK(settle(comm) == ncclSuccess);
  CHECK(counted(PlaitEmulatorLibraryCalls) == calls + 1);
  CHECK(ncclCommDestroy(comm) == ncclInvalidUsage);  // it has not been done
  CHECK_CUDA(cudaDeviceSynchronize());
  CHECK(settle(ncclCommFinalize(comm), comm) == ncclSuccess);
  CHECK(ncclCommDestroy(comm) == ncclSuccess);
  CHECK(plait_emulator_nccl_communicators() == 0);
}

TEST_CASE("two ranks on one device are refused", "[emulator][nccl]") {
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  const ncclUniqueId id = new_id();
  ncclComm_t comms[2];
  CHECK_CUDA(cudaSetDevice(0));
  for (int r = 0; r < 2; ++r) REQUIRE(ncclCommInitRankConfig(&comms[r], 2, id, r, &config) == ncclInProgress);
  for (const ncclComm_t comm : comms) CHECK(settle(comm) == ncclInvalidUsage);
  CHECK_THAT(std::string(ncclGetLastError(nullptr)), ContainsSubstring("Duplicate GPU"));
  for (const ncclComm_t comm : comms) CHECK(ncclCommAbort(comm) == ncclSuccess);
}

TEST_CASE("a graph repeats emulated collectives, and is told when it outlives them", "[emulator][nccl]") {
  CHECK(run_ranks([](Rank& rank) {
          const Buffer<float> x({1});
          cudaGraph_t graph;
          cudaGraphExec_t exec;
          int wrong = cudaStreamBeginCapture(rank.stream, cudaStreamCaptureModeThreadLocal) != cudaSuccess;
          wrong += rank.done(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, rank.comm,
                                           rank.stream)) != ncclSuccess;
          wrong += rank.done(ncclGroupStart());
          wrong += rank.done(ncclSend(x.data(), 1, ncclFloat32, 1 - rank.rank, rank.comm, rank.stream));
          wrong += rank.done(ncclRecv(x.data(), 1, ncclFloat32, 1 - rank.rank, rank.comm, rank.stream));
          wrong += rank.done(ncclGroupEnd());
          wrong += cudaStreamEndCapture(rank.stream, &graph) != cudaSuccess;
          wrong += cudaGraphInstantiate(&exec, graph, 0) != cudaSuccess;
          wrong += x.host(rank.stream) != Floats{1};
          for (int i = 0; i < 3; ++i) wrong += cudaGraphLaunch(exec, rank.stream) != cudaSuccess;
          wrong += x.host(rank.stream) != Floats{8};
          wrong += rank.disconnect();
          wrong += cudaGraphLaunch(exec, rank.stream) != cudaSuccess;
          const float spoiled = x.host(rank.stream)[0];
          wrong += spoiled >= 0 && spoiled < 1e30f;
          wrong += cudaGraphExecDestroy(exec) != cudaSuccess || cudaGraphDestroy(graph) != cudaSuccess;
          return wrong;
        }) == 0);
}

TEST_CASE("ordered failures of the emulated NCCL", "[emulator][nccl]") {
  CHECK_CUDA(cudaSetDevice(0));
  ncclComm_t comm;
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  REQUIRE(ncclCommInitRankConfig(&comm, 1, new_id(), 0, &config) == ncclSuccess);
  const DeviceArray<float> x(Floats{1});
  plait_emulator_fail_after("ncclAllReduce", 1, cudaErrorUnknown);
  CHECK(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, comm, nullptr) == ncclSystemError);
  CHECK(ncclAllReduce(x.data(), x.data(), 1, ncclFloat32, ncclSum, comm, nullptr) == ncclSuccess);
  plait_emulator_fail_after("ncclCommGetAsyncError", 1, cudaErrorUnknown);
  ncclResult_t error = ncclSuccess;
  CHECK(ncclCommGetAsyncError(comm, &error) == ncclSuccess);
  CHECK(error == ncclSystemError);
  CHECK(ncclCommAbort(comm) == ncclSuccess);
  CHECK_CUDA(cudaDeviceSynchronize());
}
