// The emulated cuFFT, linked as the library would be loaded: sums written out here, and what is refused.
#include <cufftXt.h>

#include <cmath>
#include <complex>
#include <memory>
#include <random>

#include "device.h"

namespace {

using Number = std::complex<double>;
using Numbers = std::vector<Number>;

Numbers random_numbers(size_t n) {
  std::mt19937 engine(1);
  std::uniform_real_distribution<double> uniform(-1, 1);
  Numbers values(n);
  for (Number& x : values) x = {uniform(engine), uniform(engine)};
  return values;
}

double distance(const Numbers& a, const Numbers& b) {
  double largest = a.size() == b.size() ? 0 : INFINITY;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    const double d = std::abs(a[i] - b[i]);
    largest = d <= largest ? largest : d;  // NaN is kept
  }
  return largest;
}

// A transform of rows, `in_dist` and `out_dist` numbers apart.
struct Plan {
  cufftHandle handle = 0;
  size_t bytes = 0;
  void* work = nullptr;

  cufftResult make(long long n, long long batch, cudaDataType in, cudaDataType out, long long in_dist,
                   long long out_dist, long long in_stride = 1, long long out_stride = 1) {
    REQUIRE(cufftCreate(&handle) == CUFFT_SUCCESS);
    REQUIRE(cufftSetAutoAllocation(handle, 0) == CUFFT_SUCCESS);
    long long embed[] = {n};
    const cufftResult status = cufftXtMakePlanMany(handle, 1, &n, embed, in_stride, in_dist, in, embed,
                                                   out_stride, out_dist, out, batch, &bytes, CUDA_C_64F);
    if (status == CUFFT_SUCCESS) CHECK_CUDA(cudaMalloc(&work, bytes));
    return status;
  }
  cufftResult run(void* in, void* out, int direction) {
    REQUIRE(cufftSetWorkArea(handle, work) == CUFFT_SUCCESS);
    return cufftXtExec(handle, in, out, direction);
  }
  ~Plan() {
    cufftDestroy(handle);
    cudaFree(work);
  }
};

}  // namespace

TEST_CASE("an emulated transform is the sum that it stands for") {
  for (const int n : {1, 2, 6, 7, 12, 35}) {
    const Numbers x = random_numbers(size_t(2 * n));
    const DeviceArray<Number> in(x), out(x.size());
    Plan plan;
    REQUIRE(plan.make(n, 2, CUDA_C_64F, CUDA_C_64F, n, n) == CUFFT_SUCCESS);
    for (const int direction : {CUFFT_FORWARD, CUFFT_INVERSE}) {
      REQUIRE(plan.run(in.data(), out.data(), direction) == CUFFT_SUCCESS);
      Numbers expected(x.size());
      for (int b = 0; b < 2; ++b)
        for (int k = 0; k < n; ++k)
          for (int j = 0; j < n; ++j)
            expected[size_t(b * n + k)] +=
                x[size_t(b * n + j)] * std::polar(1.0, direction * 2 * M_PI * j * k / n);
      CHECK(distance(out.host(), expected) < 1e-12);
    }
    CHECK(distance(in.host(), x) == 0);
  }
}

TEST_CASE("an emulated transform to real numbers destroys its input, and wants Hermitian ones") {
  Plan plan;
  REQUIRE(plan.make(6, 1, CUDA_C_64F, CUDA_R_64F, 4, 6) == CUFFT_SUCCESS);
  Numbers half = random_numbers(4);
  half[0].imag(0), half[3].imag(0);
  const DeviceArray<Number> in(half);
  const DeviceArray<double> out(6);
  REQUIRE(plan.run(in.data(), out.data(), CUFFT_INVERSE) == CUFFT_SUCCESS);
  const std::vector<double> real = out.host();
  for (int j = 0; j < 6; ++j) {
    Number sum = half[0] + half[3] * std::polar(1.0, M_PI * j);
    for (int k = 1; k < 3; ++k) sum += 2 * (half[size_t(k)] * std::polar(1.0, 2 * M_PI * j * k / 6)).real();
    CHECK(std::abs(real[size_t(j)] - sum.real()) < 1e-12);
  }
  CHECK(distance(in.host(), half) > 0);
  half[3].imag(0.5);
  const DeviceArray<Number> other(half);
  REQUIRE(plan.run(other.data(), out.data(), CUFFT_INVERSE) == CUFFT_SUCCESS);
  CHECK(std::isnan(out.host()[0]));
}

TEST_CASE("the emulated cuFFT refuses what has no room, overlaps or is misaligned") {
  const DeviceArray<Number> a(64), b(64);
  Plan overlapping, plan, no_type;
  CHECK(overlapping.make(8, 2, CUDA_C_64F, CUDA_C_64F, 8, 4) == CUFFT_INVALID_VALUE);
  CHECK(no_type.make(8, 2, CUDA_R_64F, CUDA_R_64F, 8, 8) == CUFFT_INVALID_TYPE);
  REQUIRE(plan.make(8, 2, CUDA_C_64F, CUDA_C_64F, 8, 8) == CUFFT_SUCCESS);
  CHECK(cufftXtExec(plan.handle, a.data(), b.data(), CUFFT_FORWARD) == CUFFT_NO_WORKSPACE);
  CHECK(plan.run(a.data(), a.data(), CUFFT_FORWARD) == CUFFT_SUCCESS);
  CHECK(plan.run(a.data(), a.data() + 1, CUFFT_FORWARD) == CUFFT_INVALID_VALUE);
  CHECK(plan.run(reinterpret_cast<char*>(a.data()) + 8, b.data(), CUFFT_FORWARD) == CUFFT_UNALIGNED_DATA);
  CHECK(plan.run(a.data() + 56, b.data(), CUFFT_FORWARD) == CUFFT_EXEC_FAILED);
  CHECK(plan.run(a.data(), b.data(), 0) == CUFFT_INVALID_VALUE);
  CHECK(cufftXtExec(plan.handle + 1000, a.data(), b.data(), CUFFT_FORWARD) == CUFFT_INVALID_PLAN);
}

TEST_CASE("a graph that outlives an emulated plan gives NaN") {
  const Numbers x = random_numbers(8);
  const DeviceArray<Number> in(x), out(8);
  cudaStream_t stream;
  CHECK_CUDA(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking));
  cudaGraph_t graph;
  cudaGraphExec_t exec;
  auto plan = std::make_unique<Plan>();
  REQUIRE(plan->make(8, 1, CUDA_C_64F, CUDA_C_64F, 8, 8) == CUFFT_SUCCESS);
  CHECK_CUDA(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  REQUIRE(cufftSetStream(plan->handle, stream) == CUFFT_SUCCESS);
  REQUIRE(plan->run(in.data(), out.data(), CUFFT_FORWARD) == CUFFT_SUCCESS);
  CHECK_CUDA(cudaStreamEndCapture(stream, &graph));
  CHECK_CUDA(cudaGraphInstantiate(&exec, graph, 0));
  CHECK_CUDA(cudaGraphLaunch(exec, stream));
  CHECK_CUDA(cudaStreamSynchronize(stream));
  CHECK(!std::isnan(out.host()[0].real()));
  cufftDestroy(plan->handle);  // not its scratch memory
  CHECK_CUDA(cudaGraphLaunch(exec, stream));
  CHECK_CUDA(cudaStreamSynchronize(stream));
  CHECK(std::isnan(out.host()[0].real()));
  CHECK_CUDA(cudaGraphExecDestroy(exec));
  CHECK_CUDA(cudaGraphDestroy(graph));
  CHECK_CUDA(cudaStreamDestroy(stream));
}
