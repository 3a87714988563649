#include "cuda/device/fault.cuh"
#include "cuda/runtime/event.h"
#include "support.h"

using namespace plait;
using namespace plait::cuda;

namespace {

// Rows by index, as a gather would take them.
__global__ void take_rows(float* to, const float* from, const int64_t* index, int64_t n, int64_t rows,
                          Fault* fault, OpName op) {
  const int64_t i = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (i >= n) return;
  const int64_t k = index[i];
  if (k < -rows || k >= rows) return report_index(fault, op, k, rows, 2);
  to[i] = from[k < 0 ? k + rows : k];
}
__global__ void report_others(Fault* fault, OpName op, int which) {
  if (which == 0) report_positive_index(fault, op, -1, 5, 0);
  if (which == 1) report_target(fault, op, 10, 10, 3);
  if (which == 2) report_zero_division(fault, op);
  if (which == 3) report_index(fault, op, 9, 5, -1);
}

struct Gather {
  static constexpr int64_t n = 300, rows = 10;
  OwnedBlock to = take(4 * n), from = take(4 * rows), index = take(8 * n);
  Gather() {
    fill(block_data(from.get()), rows, 7, nullptr);
    set(0, 0);
  }
  void set(int64_t at, int64_t value) {
    std::vector<int64_t> values(n, -1);
    values[static_cast<size_t>(at)] = value;
    check_cuda(cudaMemcpy(block_data(index.get()), values.data(), 8 * n, cudaMemcpyHostToDevice));
  }
  void run(cudaStream_t stream = nullptr) {
    launch(take_rows, threads_for(n, stream), static_cast<float*>(block_data(to.get())),
           static_cast<const float*>(block_data(from.get())),
           static_cast<const int64_t*>(block_data(index.get())), n, rows, fault_slot(), "gather");
  }
};

}  // namespace

TEST_CASE("a bad index raises when the host waits, and the device goes on") {
  Clean clean;
  Gather gather;
  for (int i = 0; i < 3; ++i) {
    gather.set(250, i == 1 ? -11 : 10);
    gather.run();
    const std::string text = text_of<IndexError>([] { synchronize_stream(nullptr); });
    CHECK(text == "gather: index " + std::string(i == 1 ? "-11" : "10") +
                      " is out of range for dimension 2 with size 10; expected -10 to 9");
    synchronize_device(0);  // said once
    gather.set(250, -10);
    gather.run();
    synchronize_device(0);
    CHECK(read(block_data(gather.to.get()), Gather::n) == std::vector<float>(Gather::n, 7));
  }
}

TEST_CASE("of many bad indices one is reported, whole") {
  Clean clean;
  Gather gather;
  std::vector<int64_t> values(Gather::n);
  for (int64_t i = 0; i < Gather::n; ++i) values[static_cast<size_t>(i)] = 1000 + i;
  check_cuda(
      cudaMemcpy(block_data(gather.index.get()), values.data(), 8 * Gather::n, cudaMemcpyHostToDevice));
  gather.run();
  gather.run(pooled_stream(0, 0));
  const std::string text = text_of<IndexError>([] { synchronize_device(0); });
  CHECK_THAT(text, ContainsSubstring("gather: index 1"));
  CHECK_THAT(text, ContainsSubstring("is out of range for dimension 2 with size 10"));
  synchronize_device(0);
}

TEST_CASE("every kind of fault has the words of the CPU's error") {
  Clean clean;
  const auto text = [](int which) {
    static constexpr const char* names[] = {"index_select", "cross_entropy", "floor_divide", "take"};
    launch(report_others, {.grid = dim3(1), .block = dim3(1), .shared = 0, .stream = nullptr}, fault_slot(),
           names[which], which);
    if (which == 2) return text_of<RuntimeError>([] { synchronize_device(0); });
    return text_of<IndexError>([] { synchronize_device(0); });
  };
  CHECK(text(0) == "index_select: index -1 is out of range for dimension 0 with size 5; expected 0 to 4");
  CHECK(text(1) ==
        "cross_entropy: target 10 at position 3 is out of range for 10 classes (and is not ignore_index)");
  CHECK(text(2) ==
        "floor_divide: ZeroDivisionError: an integer was divided by zero; divide floats, or mask the zeros "
        "of other");
  CHECK(text(3) == "take: index 9 is out of range for a size of 5; expected -5 to 4");
}

TEST_CASE("waiting for an event raises, too; each device has its own slot") {
  Clean clean;
  Gather gather;
  gather.set(3, 99);
  gather.run();
  Event event(false, false, false);
  event.record(0, 0);
  synchronize_device(1);  // says nothing of device 0
  CHECK_THROWS_AS(event.synchronize(), IndexError);
  event.synchronize();
  Fault* here = fault_slot();
  const DeviceGuard guard(1);
  CHECK(fault_slot() != here);
}
