// cuDNN's answer to our graphs on an H200. It plans for a device from a description, so this runs without a
// GPU; whether the numbers are right is seen on a GPU alone.
#define CATCH_CONFIG_RUNNER
#include <cstdio>
#include <cstring>
#include <vector>

#include "catch.h"
#include "cuda/vendor/cudnn.h"

using namespace plait;
using namespace plait::cuda;

namespace {

// The properties that the data sheet, the CUDA programming guide's tables and the CUDA runtime's
// documentation give for an H200, in cuDNN's form.
const DescribedDevice kH200{R"({"maxGridSize": [2147483647, 65535, 65535], "maxBlockSize": [1024, 1024, 64],
  "regsPerBlock": 65536, "multiProcessorCount": 132, "smClockRateKHz": 1980000, "memClockRateKHz": 3201000,
  "l2CacheSize": 62914560, "warpSize": 32, "maxSharedMemoryPerBlock": 49152,
  "maxSharedMemoryPerBlockOptin": 232448, "reservedSharedMemoryPerBlock": 1024, "maxRegistersPerSM": 65536,
  "pciDeviceId": 0, "maxCtasPerSM": 32, "maxThreadsPerBlock": 1024, "maxThreadsPerSM": 2048, "isTccDriver": 0,
  "supportCoopLaunch": 1, "totalGlobalMem": 150110011392, "deviceVer": 900, "driverVer": 13000,
  "cudaDeviceId": 0, "deviceName": "NVIDIA H200"})",
                            90};

template <class Problem>
Problem zeroed() {
  Problem p;
  std::memset(static_cast<void*>(&p), 0, sizeof(p));  // compared as bytes
  return p;
}

struct Conv {
  int64_t batch, in, size, out, kernel, stride = 1, padding = 0, groups = 1, dilation = 1;
  int dims = 4;
};

ConvProblem problem(ConvProblem::Pass pass, DType dtype, const Conv& c, bool channels_last,
                    bool bias = false) {
  auto p = zeroed<ConvProblem>();
  const int64_t result = (c.size + 2 * c.padding - c.dilation * (c.kernel - 1) - 1) / c.stride + 1;
  const auto set = [&](ConvProblem::Layout& to, int64_t n, int64_t channels, int64_t size) {
    int64_t next = 1;
    const auto place = [&](int d, int64_t count) {
      to.sizes[d] = count, to.strides[d] = next;
      next *= count;
    };
    if (channels_last) place(1, channels);
    for (int d = c.dims - 1; d >= 2; --d) place(d, size);
    if (!channels_last) place(1, channels);
    place(0, n);
  };
  set(p.x, c.batch, c.in, c.size), set(p.w, c.out, c.in / c.groups, c.kernel),
      set(p.y, c.batch, c.out, result);
  p.pass = pass, p.dims = c.dims, p.dtype = static_cast<int32_t>(dtype);
  p.has_bias = bias && pass == ConvProblem::Forward;
  for (int d = 0; d < c.dims - 2; ++d)
    p.stride[d] = c.stride, p.padding[d] = c.padding, p.dilation[d] = c.dilation;
  return p;
}

constexpr ConvProblem::Pass kPasses[] = {ConvProblem::Forward, ConvProblem::InputGrad,
                                         ConvProblem::WeightGrad};
constexpr DType kFloats[] = {DType::Float16, DType::BFloat16, DType::Float32, DType::Float64};

struct Attention {
  int64_t batch, heads, rows, columns, depth;
  bool causal = true;
  int64_t key_heads = 0, value_depth = 0;  // 0: as many
};

// `together`: (B, T, H, D) slices of one product for queries, keys and values, seen as (B, H, T, D).
AttentionProblem problem(DType dtype, const Attention& a, bool backward, bool together = false) {
  auto p = zeroed<AttentionProblem>();
  const int64_t key_heads = a.key_heads ? a.key_heads : a.heads;
  const int64_t value_depth = a.value_depth ? a.value_depth : a.depth;
  const auto set = [&](AttentionProblem::Layout& to, int64_t heads, int64_t rows, int64_t depth,
                       int64_t parts) {
    const int64_t row = heads * depth * parts;
    const int64_t sizes[] = {a.batch, heads, rows, depth}, strides[] = {row * rows, depth, row, 1};
    std::memcpy(to.sizes, sizes, sizeof(sizes)), std::memcpy(to.strides, strides, sizeof(strides));
  };
  const int64_t parts = together ? 3 : 1;
  set(p.q, a.heads, a.rows, a.depth, parts), set(p.k, key_heads, a.columns, a.depth, parts);
  set(p.v, key_heads, a.columns, value_depth, parts), set(p.out, a.heads, a.rows, value_depth, 1);
  p.dtype = static_cast<int32_t>(dtype), p.causal = a.causal, p.scale = 0.125, p.backward = backward;
  if (!backward) return p;
  p.grad = p.out;
  set(p.dq, a.heads, a.rows, a.depth, 1), set(p.dk, key_heads, a.columns, a.depth, 1);
  set(p.dv, key_heads, a.columns, value_depth, 1);
  return p;
}

template <class Problem>
PlanReport planned(const Problem& problem) {
  constexpr int64_t kMost = (std::is_same_v<Problem, AttentionProblem> ? int64_t{8} : int64_t{2}) << 30;
  PlanReport report = cudnn_plan(problem, kH200);
  INFO(report.why);
  CHECK(report.found);
  CHECK(report.workspace <= kMost);
  return report;
}

}  // namespace

TEST_CASE("convolutions of ResNet-50 have plans that need no copies in channels_last") {
  const Conv layers[] = {
      {256, 64, 56, 64, 1},         {256, 64, 56, 64, 3, 1, 1},   {256, 64, 56, 256, 1},
      {256, 256, 56, 128, 1},       {256, 128, 56, 128, 3, 2, 1}, {256, 256, 56, 512, 1, 2},
      {256, 256, 14, 256, 3, 1, 1}, {256, 1024, 14, 512, 1},      {256, 512, 7, 512, 3, 1, 1},
      {256, 512, 7, 2048, 1},
  };
  for (const Conv& layer : layers)
    for (const ConvProblem::Pass pass : kPasses) {
      CAPTURE(layer.in, layer.size, layer.out, layer.kernel, pass);
      const PlanReport plan = planned(problem(pass, DType::BFloat16, layer, true));
      CHECK(plan.workspace < int64_t{32} << 20);  // a copy of x into another layout is 26 MB and more
    }
  for (const ConvProblem::Pass pass : kPasses)
    planned(problem(pass, DType::BFloat16, {256, 3, 224, 64, 7, 2, 3}, true));
}

TEST_CASE("convolutions of every floating dtype, layout and dimension have plans") {
  const Conv cases[] = {
      {2, 3, 9, 5, 3, 2, 1},
      {8, 32, 14, 32, 3, 1, 1, 32},
      {8, 32, 14, 64, 3, 1, 1, 4},
      {2, 16, 16, 8, 3, 1, 2, 1, 2},
      {1, 1, 28, 32, 5},
      {64, 1, 28, 32, 3, 1, 1},
      {2, 8, 10, 16, 3, 1, 1, 1, 1, 5},
  };
  for (const DType dtype : kFloats)
    for (const bool channels_last : {false, true})
      for (const Conv& c : cases)
        for (const ConvProblem::Pass pass : kPasses) {
          CAPTURE(name(dtype), channels_last, c.in, c.size, c.out, c.kernel, c.groups, c.dims, pass);
          planned(problem(pass, dtype, c, channels_last, true));
        }
}

TEST_CASE("float32 convolutions go without tensor cores unless TF32 is allowed") {
  const Conv layer{32, 64, 56, 64, 3, 1, 1};
  for (const bool channels_last : {false, true})
    for (const ConvProblem::Pass pass : kPasses) {
      CAPTURE(channels_last, pass);
      ConvProblem p = problem(pass, DType::Float32, layer, channels_last);
      const PlanReport exact = planned(p);
      p.settings = ConvProblem::AllowTf32;
      CHECK(planned(p).engine != exact.engine);
    }
}

TEST_CASE("deterministic convolutions have plans") {
  for (const DType dtype : kFloats)
    for (const ConvProblem::Pass pass : kPasses) {
      CAPTURE(name(dtype), pass);
      ConvProblem p = problem(pass, dtype, {32, 64, 56, 64, 3, 1, 1}, true);
      p.settings = ConvProblem::Deterministic;
      planned(p);
    }
}

TEST_CASE("attention of 16-bit floats has plans, forward and backward") {
  // Each plan is compiled, which takes most of a second: the shapes of GPTs, and those at the edges.
  const Attention cases[] = {
      {16, 12, 1024, 1024, 64},        {2, 16, 8192, 8192, 128},      {32, 12, 1024, 1024, 64, false},
      {1, 12, 1, 513, 64, false},      {4, 8, 100, 77, 64, false, 2}, {2, 3, 5, 7, 8, false},
      {2, 3, 65, 33, 40, true, 0, 24}, {2, 4, 17, 16, 256},
  };
  for (const Attention& a : cases)
    for (const bool backward : {false, true})
      for (const bool together : {false, true}) {
        if (together && &a != &cases[0]) continue;
        const DType dtype = together ? DType::Float16 : DType::BFloat16;
        CAPTURE(name(dtype), a.batch, a.heads, a.rows, a.columns, a.depth, a.causal, backward, together);
        AttentionProblem p = problem(dtype, a, backward, together);
        planned(p);
        if (!backward) continue;
        p.deterministic = 1;
        planned(p);
      }
}

TEST_CASE("what cuDNN does not take comes back with its reason") {
  const PlanReport report = cudnn_plan(problem(DType::Float64, {2, 3, 65, 33, 64}, false), kH200);
  CHECK_FALSE(report.found);
  CHECK(report.why.size() > 10);
}

// 4: there is no cuDNN, and the tests are skipped.
int main(int argc, char** argv) {
  const PlanReport any =
      cudnn_plan(problem(ConvProblem::Forward, DType::Float32, {1, 1, 8, 1, 3}, false), kH200);
  if (!any.found && any.why.find("could not be loaded") != std::string::npos) {
    std::printf("skipped: %s\n", any.why.c_str());
    return 4;
  }
  return Catch::Session().run(argc, argv);
}
