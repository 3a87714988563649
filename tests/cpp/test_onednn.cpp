// Each oneDNN kernel against a naive reference in double, over odd shapes, strides, groups, dilations and
// dtypes. The 16-bit floats are compared where this CPU has them; float32 must always be taken.
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <numeric>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "catch.h"
#include "core/half.h"
#include "ops/cpu/onednn.h"

using namespace plait;       // NOLINT(google-build-using-namespace)
using namespace plait::cpu;  // NOLINT(google-build-using-namespace)

namespace {

using Sizes = std::vector<int64_t>;

const OnednnKernels* kernels() {
  static const OnednnKernels* table = onednn_if_available();
  return table;
}
// A build without oneDNN has nothing to test here, and says so.
#define REQUIRE_ONEDNN()                                                     \
  if (!kernels()) {                                                          \
    WARN("libplait_onednn.so is not beside libplait.so: nothing is tested"); \
    return;                                                                  \
  }

std::mt19937& random_bits() {
  static std::mt19937 bits(20231);
  return bits;
}

int64_t product(const Sizes& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

double epsilon(DType dtype) {
  if (dtype == DType::BFloat16) return std::numeric_limits<BFloat16>::epsilon();
  if (dtype == DType::Float16) return std::numeric_limits<Half>::epsilon();
  return std::numeric_limits<float>::epsilon();
}

// A strided array with elements read and written as double.
struct Array {
  DType dtype;
  Sizes sizes, strides;
  std::vector<float> bytes;  // enough for the largest type

  // `order`: the dimensions from outermost to innermost; `gap`: unused elements after each run of the
  // innermost one.
  Array(DType type, Sizes shape, std::vector<int> order = {}, int64_t gap = 0, bool fill = true)
      : dtype(type),
        sizes(std::move(shape)),
        strides(sizes.size()) {
    if (order.empty()) {
      order.resize(sizes.size());
      std::iota(order.begin(), order.end(), 0);
    }
    int64_t step = 1;
    for (size_t i = order.size(); i-- > 0;) {
      const auto dim = static_cast<size_t>(order[i]);
      strides[dim] = step;
      step *= sizes[dim];
      if (i + 1 == order.size()) step += gap;
    }
    bytes.assign(static_cast<size_t>(step) + 16, 0);
    std::uniform_real_distribution<float> value(-1, 1);
    for (int64_t i = 0; i < size(); ++i) set(i, fill ? value(random_bits()) : -77);
  }

  int64_t size() const { return product(sizes); }
  View view() { return {bytes.data(), sizes.data(), strides.data(), static_cast<int>(sizes.size()), dtype}; }
  float* floats() { return bytes.data(); }

  int64_t offset(int64_t linear) const {
    int64_t at = 0;
    for (size_t i = sizes.size(); i-- > 0;) {
      at += linear % sizes[i] * strides[i];
      linear /= sizes[i];
    }
    return at;
  }
  double get(int64_t linear) const { return load(offset(linear)); }
  double at(const Sizes& index) const {
    int64_t where = 0;
    for (size_t i = 0; i < index.size(); ++i) where += (sizes[i] == 1 ? 0 : index[i]) * strides[i];
    return load(where);
  }
  double load(int64_t where) const {
    const char* p = reinterpret_cast<const char*>(bytes.data()) + where * itemsize(dtype);
    if (dtype == DType::Float32) return *reinterpret_cast<const float*>(p);
    if (dtype == DType::Float16) return static_cast<float>(*reinterpret_cast<const Half*>(p));
    return static_cast<float>(*reinterpret_cast<const BFloat16*>(p));
  }
  void set(int64_t linear, double value) {
    char* p = reinterpret_cast<char*>(bytes.data()) + offset(linear) * itemsize(dtype);
    const auto rounded = static_cast<float>(value);
    if (dtype == DType::Float32) *reinterpret_cast<float*>(p) = rounded;
    if (dtype == DType::Float16) *reinterpret_cast<Half*>(p) = Half(rounded);
    if (dtype == DType::BFloat16) *reinterpret_cast<BFloat16*>(p) = BFloat16(rounded);
  }
};

// A value and the sum of its terms' magnitudes, to which rounding errors are proportional.
struct Exact {
  double value = 0, magnitude = 0;
  void add(double term) {
    value += term;
    magnitude += std::abs(term);
  }
};

double epilogue(Epilogue kind, double x) {
  switch (kind) {
    case Epilogue::None: break;
    case Epilogue::Relu: return x < 0 ? 0 : x;
    case Epilogue::GeluErf: return 0.5 * x * (1 + std::erf(x / std::sqrt(2.0)));
    case Epilogue::GeluTanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / M_PI) * (x + 0.044715 * x * x * x)));
  }
  return x;
}

// `got` has float32 sums (16 roundings of headroom relative to all terms' magnitude), rounded once to its
// dtype. `extra` is an absolute allowance for polynomial approximations in the epilogue.
void compare(const Array& got, const std::vector<Exact>& want, double extra = 0) {
  double worst = 0;
  int64_t where = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    const Exact& w = want[static_cast<size_t>(i)];
    const double allowed =
        16 * epsilon(DType::Float32) * w.magnitude + epsilon(got.dtype) * std::abs(w.value) + extra + 1e-30;
    const double error = std::abs(got.get(i) - w.value) / allowed;
    if (!(error <= worst)) worst = error, where = i;
  }
  INFO("element " << where << ": got " << got.get(where) << ", expected "
                  << want[static_cast<size_t>(where)].value);
  REQUIRE(worst <= 1);
}

constexpr DType kDTypes[] = {DType::Float32, DType::BFloat16, DType::Float16};

// Taken, or rightly refused: the 16-bit floats depend on the CPU.
bool taken(bool result, DType dtype) {
  if (dtype == DType::Float32) REQUIRE(result);
  return result;
}

struct MatmulOptions {
  const char* bias = "";  // "yes"
  Epilogue epilogue = Epilogue::None;
  float alpha = 1, beta = 0;
  Stamp stamp = kDoNotKeep;
};

void check_matmul(Array& c, Array& a, Array& b, const MatmulOptions& options = {}) {
  const size_t n = c.sizes.size();
  Array bias(c.dtype, {c.sizes[n - 1]});
  std::vector<Exact> want(static_cast<size_t>(c.size()));
  for (int64_t i = 0; i < c.size(); ++i) {
    Sizes index(n);
    int64_t rest = i;
    for (size_t d = n; d-- > 0;) index[d] = rest % c.sizes[d], rest /= c.sizes[d];
    Sizes ia = index, ib = index;
    Exact sum;
    for (int64_t k = 0; k < a.sizes[n - 1]; ++k) {
      ia[n - 1] = ib[n - 2] = k;
      sum.add(options.alpha * a.at(ia) * b.at(ib));
    }
    if (*options.bias) sum.add(bias.get(index[n - 1]));
    if (options.beta != 0) sum.add(options.beta * c.get(i));
    sum.value = epilogue(options.epilogue, sum.value);
    want[static_cast<size_t>(i)] = sum;
  }
  const View bias_view = bias.view();
  const bool ok = kernels()->matmul({.c = c.view(),
                                     .a = a.view(),
                                     .b = b.view(),
                                     .bias = *options.bias ? &bias_view : nullptr,
                                     .epilogue = options.epilogue,
                                     .alpha = options.alpha,
                                     .beta = options.beta,
                                     .b_stamp = options.stamp});
  const bool gelu = options.epilogue == Epilogue::GeluErf || options.epilogue == Epilogue::GeluTanh;
  if (taken(ok, c.dtype)) compare(c, want, gelu ? 2e-6 : 0);
}

}  // namespace

TEST_CASE("oneDNN matmul: shapes, transposes, leading dimensions", "[onednn]") {
  REQUIRE_ONEDNN();
  const Sizes shapes[] = {{1, 1, 1},      {1, 7, 5},      {5, 1, 3},     {3, 4, 1},
                          {8, 8, 8},      {17, 19, 23},   {64, 33, 70},  {2, 300, 280},
                          {20, 500, 200}, {130, 70, 257}, {1, 1000, 300}};
  for (const DType dtype : kDTypes)
    for (const Sizes& s : shapes)
      for (int layout = 0; layout < 16; ++layout) {
        const std::vector<int> rows{0, 1}, columns{1, 0};
        Array a(dtype, {s[0], s[2]}, layout & 1 ? columns : rows, layout & 4 ? 3 : 0);
        Array b(dtype, {s[2], s[1]}, layout & 2 ? columns : rows, layout & 4 ? 5 : 0);
        Array c(dtype, {s[0], s[1]}, layout & 8 ? columns : rows, layout & 4 ? 2 : 0, false);
        INFO(s[0] << "x" << s[1] << "x" << s[2] << " layout " << layout << " dtype "
                  << static_cast<int>(dtype));
        check_matmul(c, a, b);
      }
}

TEST_CASE("oneDNN matmul: bias, epilogue, alpha, beta", "[onednn]") {
  REQUIRE_ONEDNN();
  const Sizes shapes[] = {{1, 9, 4}, {6, 9, 4}, {8, 400, 200}, {150, 140, 60}};
  for (const DType dtype : kDTypes)
    for (const Sizes& s : shapes)
      for (const Epilogue e : {Epilogue::None, Epilogue::Relu, Epilogue::GeluTanh, Epilogue::GeluErf})
        for (const char* bias : {"", "yes"})
          for (const float beta : {0.0f, 1.0f, 0.5f})
            for (const float alpha : {1.0f, 0.25f}) {
              Array a(dtype, {s[0], s[2]}), b(dtype, {s[2], s[1]}, {1, 0}), c(dtype, {s[0], s[1]});
              INFO(s[0] << "x" << s[1] << "x" << s[2] << " epilogue " << static_cast<int>(e) << " bias "
                        << bias << " beta " << beta << " alpha " << alpha << " dtype "
                        << static_cast<int>(dtype));
              check_matmul(c, a, b, {.bias = bias, .epilogue = e, .alpha = alpha, .beta = beta});
            }
}

TEST_CASE("oneDNN matmul: batches and broadcasting", "[onednn]") {
  REQUIRE_ONEDNN();
  struct Case {
    Sizes c, a, b;
    std::vector<int> c_order, a_order, b_order;
  };
  const Case cases[] = {
      {{3, 5, 7}, {3, 5, 4}, {3, 4, 7}, {}, {}, {}},
      {{3, 5, 7}, {3, 5, 4}, {1, 4, 7}, {}, {}, {}},  // folds into rows
      {{3, 5, 7}, {1, 5, 4}, {3, 4, 7}, {}, {}, {}},
      {{3, 1, 7}, {3, 1, 4}, {1, 4, 7}, {}, {}, {}},
      {{2, 3, 5, 7}, {2, 3, 5, 4}, {2, 3, 4, 7}, {}, {}, {}},
      {{2, 3, 5, 7}, {2, 1, 5, 4}, {1, 3, 4, 7}, {}, {}, {}},
      {{2, 3, 5, 7}, {1, 1, 5, 4}, {2, 3, 4, 7}, {}, {}, {}},
      {{2, 3, 5, 7}, {2, 3, 5, 4}, {2, 3, 4, 7}, {0, 2, 1, 3}, {0, 2, 1, 3}, {0, 3, 1, 2}},  // attention's
                                                                                             // layouts
      {{2, 3, 65, 70}, {2, 3, 65, 40}, {2, 3, 40, 70}, {}, {0, 2, 1, 3}, {0, 1, 3, 2}},
      {{2, 2, 2, 2, 3, 4}, {2, 2, 1, 2, 3, 5}, {2, 1, 2, 2, 5, 4}, {}, {}, {}},
  };
  for (const DType dtype : kDTypes)
    for (const Case& k : cases) {
      Array c(dtype, k.c, k.c_order, 0, false), a(dtype, k.a, k.a_order), b(dtype, k.b, k.b_order);
      INFO("case " << &k - cases << " dtype " << static_cast<int>(dtype));
      check_matmul(c, a, b);
      check_matmul(c, a, b, {.bias = "yes", .epilogue = Epilogue::Relu});
      check_matmul(c, a, b, {.alpha = 0.125f, .beta = 1});
    }
}

TEST_CASE("oneDNN matmul: expanded batches have stride 0", "[onednn]") {
  REQUIRE_ONEDNN();
  Array a(DType::Float32, {4, 6, 5}), b(DType::Float32, {1, 5, 3}),
      c(DType::Float32, {4, 6, 3}, {}, 0, false);
  b.sizes[0] = 4;
  b.strides[0] = 0;
  check_matmul(c, a, b);
}

TEST_CASE("oneDNN matmul: refuses what it cannot express", "[onednn]") {
  REQUIRE_ONEDNN();
  Array a(DType::Float32, {4, 6}), b(DType::Float32, {6, 4}), c(DType::Float32, {4, 4});
  Array wide(DType::Float32, {4, 12});
  wide.sizes[1] = 6;
  wide.strides[1] = 2;  // no unit stride
  CHECK_FALSE(kernels()->matmul({.c = c.view(), .a = wide.view(), .b = b.view()}));
  a.strides = {0, 1};  // an expanded row
  CHECK_FALSE(kernels()->matmul({.c = c.view(), .a = a.view(), .b = b.view()}));
  a.strides = {6, 1};
  View integers = a.view();
  integers.dtype = DType::Int32;
  CHECK_FALSE(kernels()->matmul({.c = c.view(), .a = integers, .b = b.view()}));
}

TEST_CASE("oneDNN matmul: a kept weight follows its stamp", "[onednn]") {
  REQUIRE_ONEDNN();
  for (const bool transposed : {false, true}) {
    Array a(DType::Float32, {8, 96}), c(DType::Float32, {8, 130}, {}, 0, false);
    Array b(DType::Float32, {96, 130}, transposed ? std::vector<int>{1, 0} : std::vector<int>{0, 1});
    const Stamp stamp = transposed ? 100 : 10;
    check_matmul(c, a, b, {.bias = "yes", .epilogue = Epilogue::GeluErf, .stamp = stamp});
    check_matmul(c, a, b, {.stamp = stamp});
    for (int64_t i = 0; i < b.size(); ++i) b.set(i, 0.5 * b.get(i) + 0.1);
    check_matmul(c, a, b, {.stamp = stamp + 1});
    // The old stamp's packing is gone with its content.
    for (int64_t i = 0; i < b.size(); ++i) b.set(i, b.get(i) + 1);
    check_matmul(c, a, b, {.stamp = stamp});
  }
  kernels()->clear_caches();
}

TEST_CASE("oneDNN matmul: NaN passes the relu", "[onednn]") {
  REQUIRE_ONEDNN();
  Array a(DType::Float32, {2, 2}), b(DType::Float32, {2, 2}), c(DType::Float32, {2, 2});
  a.set(0, std::numeric_limits<double>::quiet_NaN());
  REQUIRE(kernels()->matmul({.c = c.view(), .a = a.view(), .b = b.view(), .epilogue = Epilogue::Relu}));
  CHECK(std::isnan(c.get(0)));
  CHECK_FALSE(std::isnan(c.get(2)));
}

TEST_CASE("oneDNN: threads, and more shapes than the cache holds", "[onednn]") {
  REQUIRE_ONEDNN();
  std::vector<std::string> errors(3);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < errors.size(); ++t)
    threads.emplace_back([&errors, t] {
      for (int64_t round = 0; round < 2; ++round)
        for (int64_t n = 1; n <= 700 && errors[t].empty(); ++n) {
          std::vector<float> a(static_cast<size_t>(n), 2), c(1);
          const Sizes sizes_a{1, 1, n}, one{1, 1, 1};
          const Sizes strides_a{n, n, 1}, strides_b{n, 1, 1};
          const Sizes sizes_b{1, n, 1};
          const float alpha = 0.5f;
          const View va{a.data(), sizes_a.data(), strides_a.data(), 3, DType::Float32};
          const View vb{a.data(), sizes_b.data(), strides_b.data(), 3, DType::Float32};
          const View vc{c.data(), one.data(), one.data(), 3, DType::Float32};
          for (const Epilogue e : {Epilogue::GeluErf, Epilogue::GeluTanh})  // by a primitive, not by sgemm
            if (!kernels()->matmul({.c = vc, .a = va, .b = vb, .epilogue = e, .alpha = alpha}))
              errors[t] = "refused";
          const double want = epilogue(Epilogue::GeluTanh, 2.0 * static_cast<double>(n));
          if (std::abs(c[0] - want) > 1e-4 * want) errors[t] = "wrong at " + std::to_string(n);
        }
    });
  for (std::thread& thread : threads) thread.join();
  for (const std::string& error : errors) CHECK(error == "");
}

// --- convolution
// ------------------------------------------------------------------------------------------------------------

namespace {

struct ConvCase {
  Sizes x;      // N, C, spatial
  int64_t out;  // output channels
  Sizes kernel;
  int64_t groups = 1;
  Sizes stride = {}, dilation = {}, begin = {}, end = {};
};

Window window_of(const ConvCase& k) {
  Window w;
  w.spatial = static_cast<int>(k.kernel.size());
  w.groups = k.groups;
  for (size_t i = 0; i < k.kernel.size(); ++i) {
    w.kernel[i] = k.kernel[i];
    if (!k.stride.empty()) w.stride[i] = k.stride[i];
    if (!k.dilation.empty()) w.dilation[i] = k.dilation[i];
    if (!k.begin.empty()) w.pad_begin[i] = k.begin[i];
    if (!k.end.empty()) w.pad_end[i] = k.end[i];
  }
  return w;
}

Sizes output_sizes(const ConvCase& k, const Window& w) {
  Sizes y{k.x[0], k.out};
  for (size_t i = 0; i < k.kernel.size(); ++i)
    y.push_back((k.x[i + 2] + w.pad_begin[i] + w.pad_end[i] - w.dilation[i] * (k.kernel[i] - 1) - 1) /
                    w.stride[i] +
                1);
  return y;
}

// Calls visit(linear index of x, of w, of y) for every term of the convolution.
template <class Visit>
void each_term(const Array& x, const Array& w, const Array& y, const Window& window, const Visit& visit) {
  const size_t spatial = x.sizes.size() - 2;
  const int64_t per_group_in = w.sizes[1], per_group_out = w.sizes[0] / window.groups;
  const int64_t taps = product(Sizes(w.sizes.begin() + 2, w.sizes.end()));
  for (int64_t i = 0; i < y.size(); ++i) {
    Sizes at(y.sizes.size());
    int64_t rest = i;
    for (size_t d = at.size(); d-- > 0;) at[d] = rest % y.sizes[d], rest /= y.sizes[d];
    for (int64_t c = 0; c < per_group_in; ++c)
      for (int64_t tap = 0; tap < taps; ++tap) {
        Sizes offset(spatial);
        int64_t r = tap;
        for (size_t d = spatial; d-- > 0;) offset[d] = r % w.sizes[d + 2], r /= w.sizes[d + 2];
        int64_t from = at[0] * x.sizes[1] + at[1] / per_group_out * per_group_in + c;
        bool inside = true;
        for (size_t d = 0; d < spatial; ++d) {
          const int64_t pos =
              at[d + 2] * window.stride[d] - window.pad_begin[d] + offset[d] * window.dilation[d];
          inside &= pos >= 0 && pos < x.sizes[d + 2];
          from = from * x.sizes[d + 2] + pos;
        }
        if (inside) visit(from, (at[1] * per_group_in + c) * taps + tap, i);
      }
  }
}

std::vector<int> channels_inside(size_t ndim) {
  std::vector<int> order{0};
  for (size_t i = 2; i < ndim; ++i) order.push_back(static_cast<int>(i));
  order.push_back(1);
  return order;
}

const ConvCase kConvCases[] = {
    {.x = {2, 3, 9}, .out = 5, .kernel = {3}},
    {.x = {2, 4, 12},
     .out = 6,
     .kernel = {4},
     .groups = 2,
     .stride = {2},
     .dilation = {2},
     .begin = {3},
     .end = {1}},
    {.x = {1, 1, 6, 7}, .out = 1, .kernel = {3, 2}},
    {.x = {2, 3, 11, 8}, .out = 7, .kernel = {3, 3}, .stride = {2, 1}, .begin = {1, 1}, .end = {1, 1}},
    {.x = {2, 5, 9, 10}, .out = 9, .kernel = {3, 2}, .dilation = {2, 3}, .begin = {2, 0}, .end = {1, 3}},
    {.x = {3, 16, 10, 10}, .out = 24, .kernel = {3, 3}, .begin = {1, 1}, .end = {1, 1}},
    {.x = {2, 16, 8, 8}, .out = 32, .kernel = {1, 1}},
    {.x = {2, 16, 8, 8}, .out = 20, .kernel = {1, 1}, .stride = {2, 2}},
    {.x = {2, 12, 9, 9},
     .out = 12,
     .kernel = {3, 3},
     .groups = 12,
     .begin = {1, 1},
     .end = {1, 1}},  // depthwise
    {.x = {2, 16, 7, 7}, .out = 32, .kernel = {3, 3}, .groups = 16, .begin = {1, 1}, .end = {1, 1}},
    {.x = {2, 12, 9, 9},
     .out = 18,
     .kernel = {3, 3},
     .groups = 3,
     .stride = {2, 2},
     .begin = {1, 1},
     .end = {1, 1}},
    {.x = {2, 130, 5, 5}, .out = 16, .kernel = {3, 3}, .begin = {1, 1}, .end = {1, 1}},
    {.x = {1, 3, 30, 30}, .out = 16, .kernel = {7, 7}, .stride = {2, 2}, .begin = {3, 3}, .end = {3, 3}},
    {.x = {1, 8, 6, 6},
     .out = 8,
     .kernel = {5, 5},
     .begin = {4, 4},
     .end = {4, 4}},  // as transposed ones use it
    {.x = {2, 3, 5, 6, 7}, .out = 4, .kernel = {3, 2, 3}, .begin = {1, 0, 1}, .end = {1, 1, 1}},
    {.x = {1, 8, 5, 6, 5},
     .out = 8,
     .kernel = {3, 3, 3},
     .groups = 2,
     .stride = {2, 1, 2},
     .begin = {1, 1, 1},
     .end = {1, 1, 1}},
};

// Layouts of x and y: contiguous, channels-last, mixed, with gaps.
struct Placement {
  bool x_last, y_last;
  int64_t gap;
};
constexpr Placement kPlacements[] = {
    {false, false, 0}, {true, true, 0}, {false, true, 0}, {true, false, 0}, {false, false, 3}};

}  // namespace

TEST_CASE("oneDNN convolution: forward and backward", "[onednn]") {
  REQUIRE_ONEDNN();
  for (const DType dtype : kDTypes)
    for (const ConvCase& k : kConvCases)
      for (const Placement& p : kPlacements) {
        INFO("case " << &k - kConvCases << " placement " << &p - kPlacements << " dtype "
                     << static_cast<int>(dtype));
        const Window window = window_of(k);
        const auto last = channels_inside(k.x.size());
        Sizes w_sizes{k.out, k.x[1] / k.groups};
        w_sizes.insert(w_sizes.end(), k.kernel.begin(), k.kernel.end());
        Array x(dtype, k.x, p.x_last ? last : std::vector<int>{}, p.gap);
        Array w(dtype, w_sizes, p.x_last ? last : std::vector<int>{});
        Array y(dtype, output_sizes(k, window), p.y_last ? last : std::vector<int>{}, p.gap, false);
        Array bias(dtype, {k.out});
        const View bias_view = bias.view();

        // Forward, with bias and relu.
        for (const bool fused : {false, true}) {
          std::vector<Exact> want(static_cast<size_t>(y.size()));
          each_term(x, w, y, window, [&](int64_t i, int64_t j, int64_t to) {
            want[static_cast<size_t>(to)].add(x.get(i) * w.get(j));
          });
          const int64_t plane = product(Sizes(y.sizes.begin() + 2, y.sizes.end()));
          if (fused)
            for (int64_t i = 0; i < y.size(); ++i) {
              Exact& e = want[static_cast<size_t>(i)];
              e.add(bias.get(i / plane % k.out));
              e.value = epilogue(Epilogue::Relu, e.value);
            }
          const bool ok = kernels()->conv_forward({.y = y.view(),
                                                   .x = x.view(),
                                                   .w = w.view(),
                                                   .bias = fused ? &bias_view : nullptr,
                                                   .window = window,
                                                   .epilogue = fused ? Epilogue::Relu : Epilogue::None});
          if (taken(ok, dtype)) compare(y, want);
        }

        // Backward: all at once, then dx and dw alone.
        Array dy(dtype, y.sizes, p.y_last ? last : std::vector<int>{}, p.gap);
        Array dx(dtype, k.x, p.x_last ? last : std::vector<int>{}, p.gap, false),
            dw(dtype, w_sizes, {}, 0, false);
        Array db(dtype, {k.out}, {}, 0, false);
        std::vector<Exact> want_dx(static_cast<size_t>(x.size())), want_dw(static_cast<size_t>(w.size()));
        std::vector<Exact> want_db(static_cast<size_t>(k.out));
        each_term(x, w, y, window, [&](int64_t i, int64_t j, int64_t to) {
          want_dx[static_cast<size_t>(i)].add(dy.get(to) * w.get(j));
          want_dw[static_cast<size_t>(j)].add(dy.get(to) * x.get(i));
        });
        const int64_t plane = product(Sizes(y.sizes.begin() + 2, y.sizes.end()));
        for (int64_t i = 0; i < dy.size(); ++i)
          want_db[static_cast<size_t>(i / plane % k.out)].add(dy.get(i));
        const View xv = x.view(), wv = w.view(), dxv = dx.view(), dwv = dw.view(), dbv = db.view();
        bool ok = kernels()->conv_backward(
            {.dy = dy.view(), .x = &xv, .w = &wv, .dx = &dxv, .dw = &dwv, .db = &dbv, .window = window});
        if (!taken(ok, dtype)) continue;
        compare(dx, want_dx);
        compare(dw, want_dw);
        compare(db, want_db);
        for (int64_t i = 0; i < dx.size(); ++i) dx.set(i, -77);
        for (int64_t i = 0; i < dw.size(); ++i) dw.set(i, -77);
        REQUIRE(kernels()->conv_backward({.dy = dy.view(), .w = &wv, .dx = &dxv, .window = window}));
        REQUIRE(kernels()->conv_backward({.dy = dy.view(), .x = &xv, .dw = &dwv, .window = window}));
        compare(dx, want_dx);
        compare(dw, want_dw);
      }
}

TEST_CASE("oneDNN convolution: a kept weight follows its stamp", "[onednn]") {
  REQUIRE_ONEDNN();
  const ConvCase k{.x = {2, 16, 9, 9}, .out = 24, .kernel = {3, 3}};
  const Window window = window_of(k);
  Array x(DType::Float32, k.x), w(DType::Float32, {24, 16, 3, 3}),
      y(DType::Float32, {2, 24, 7, 7}, {}, 0, false);
  for (Stamp stamp = 1; stamp < 4; ++stamp) {
    for (int64_t i = 0; i < w.size(); ++i) w.set(i, -0.7 * w.get(i));
    std::vector<Exact> want(static_cast<size_t>(y.size()));
    each_term(x, w, y, window, [&](int64_t i, int64_t j, int64_t to) {
      want[static_cast<size_t>(to)].add(x.get(i) * w.get(j));
    });
    for (int twice = 0; twice < 2; ++twice) {
      for (int64_t i = 0; i < y.size(); ++i) y.set(i, -77);
      REQUIRE(kernels()->conv_forward(
          {.y = y.view(), .x = x.view(), .w = w.view(), .window = window, .w_stamp = 1000 + stamp}));
      compare(y, want);
    }
  }
  kernels()->clear_caches();
}

TEST_CASE("oneDNN convolution: impossible shapes raise with the shapes in the message", "[onednn]") {
  REQUIRE_ONEDNN();
  Array x(DType::Float32, {1, 4, 5, 5}), w(DType::Float32, {6, 4, 3, 3}), y(DType::Float32, {1, 6, 4, 4});
  CHECK_THROWS_WITH(kernels()->conv_forward({.y = y.view(), .x = x.view(), .w = w.view()}),
                    ContainsSubstring("conv forward") && ContainsSubstring("(1, 4, 5, 5)"));
}

// --- pooling, normalisation, softmax
// ------------------------------------------------------------------------------------------

TEST_CASE("oneDNN pooling", "[onednn]") {
  REQUIRE_ONEDNN();
  const ConvCase cases[] = {
      {.x = {2, 3, 9}, .out = 3, .kernel = {3}, .stride = {2}},
      {.x = {2, 5, 8, 9}, .out = 5, .kernel = {2, 2}, .stride = {2, 2}},
      {.x = {2, 17, 9, 11}, .out = 17, .kernel = {3, 3}, .stride = {2, 2}, .begin = {1, 1}, .end = {1, 1}},
      {.x = {1, 4, 7, 7}, .out = 4, .kernel = {3, 2}, .stride = {1, 2}, .begin = {1, 0}, .end = {1, 1}},
      {.x = {2, 3, 5, 6, 7}, .out = 3, .kernel = {2, 2, 3}, .stride = {2, 2, 2}},
  };
  for (const ConvCase& k : cases)
    for (const bool last : {false, true})
      for (const Pool kind : {Pool::Max, Pool::AverageIncludePadding, Pool::AverageExcludePadding}) {
        INFO("case " << &k - cases << " channels last " << last << " kind " << static_cast<int>(kind));
        const Window window = window_of(k);
        const auto order = last ? channels_inside(k.x.size()) : std::vector<int>{};
        Array x(DType::Float32, k.x, order), y(DType::Float32, output_sizes(k, window), order, 0, false);
        Array dy(DType::Float32, y.sizes, order), dx(DType::Float32, k.x, order, 0, false);
        // Each channel by itself: a depthwise window with one filter per channel.
        Sizes w_sizes{k.out, 1};
        w_sizes.insert(w_sizes.end(), k.kernel.begin(), k.kernel.end());
        const Array filter(DType::Float32, w_sizes);
        Window depthwise = window;
        depthwise.groups = k.out;
        std::vector<Exact> want(static_cast<size_t>(y.size())), want_dx(static_cast<size_t>(x.size()));
        std::vector<int64_t> count(static_cast<size_t>(y.size()));
        for (Exact& e : want) e.value = kind == Pool::Max ? -1e30 : 0;
        each_term(x, filter, y, depthwise, [&](int64_t i, int64_t, int64_t to) {
          Exact& e = want[static_cast<size_t>(to)];
          ++count[static_cast<size_t>(to)];
          if (kind == Pool::Max)
            e.value = std::max(e.value, x.get(i));
          else
            e.add(x.get(i));
        });
        if (kind == Pool::AverageIncludePadding)
          for (int64_t& c : count) c = product(k.kernel);
        if (kind != Pool::Max)
          for (size_t i = 0; i < want.size(); ++i) want[i].value /= static_cast<double>(count[i]);
        each_term(x, filter, y, depthwise, [&](int64_t i, int64_t, int64_t to) {
          want_dx[static_cast<size_t>(i)].add(dy.get(to) /
                                              static_cast<double>(count[static_cast<size_t>(to)]));
        });
        REQUIRE(kernels()->pool_forward({.y = y.view(), .x = x.view(), .window = window, .kind = kind}));
        compare(y, want);
        const bool ok =
            kernels()->pool_backward({.dx = dx.view(), .dy = dy.view(), .window = window, .kind = kind});
        CHECK(ok == (kind != Pool::Max));
        if (ok) compare(dx, want_dx);
      }
}

TEST_CASE("oneDNN batch norm", "[onednn]") {
  REQUIRE_ONEDNN();
  const Sizes shapes[] = {{6, 5}, {3, 17, 4}, {4, 8, 5, 6}, {2, 3, 2, 3, 4}, {16, 12, 9, 11}};
  for (const Sizes& shape : shapes)
    for (const bool last : {false, true})
      for (const bool affine : {false, true})
        for (const bool training : {false, true}) {
          if (last && shape.size() < 3) continue;
          INFO("ndim " << shape.size() << " last " << last << " affine " << affine << " training "
                       << training);
          const auto order = last ? channels_inside(shape.size()) : std::vector<int>{};
          const int64_t channels = shape[1], plane = product(Sizes(shape.begin() + 2, shape.end()));
          const double count = static_cast<double>(product(shape) / channels);
          Array x(DType::Float32, shape, order), y(DType::Float32, shape, order, 0, false);
          Array dy(DType::Float32, shape, order), dx(DType::Float32, shape, order, 0, false);
          Array scale(DType::Float32, {channels}), shift(DType::Float32, {channels});
          Array mean(DType::Float32, {channels}), var(DType::Float32, {channels});
          Array dscale(DType::Float32, {channels}, {}, 0, false),
              dshift(DType::Float32, {channels}, {}, 0, false);
          auto channel = [&](int64_t i) { return i / plane % channels; };
          std::vector<Exact> m(static_cast<size_t>(channels)), v(m), sum_dy(m), sum_dyx(m),
              want(size_t(x.size())), want_dx(want);
          if (training) {
            for (int64_t i = 0; i < x.size(); ++i) m[size_t(channel(i))].add(x.get(i) / count);
            for (int64_t i = 0; i < x.size(); ++i)
              v[size_t(channel(i))].add(std::pow(x.get(i) - m[size_t(channel(i))].value, 2) / count);
          } else {
            for (int64_t c = 0; c < channels; ++c) {
              var.set(c, 0.5 + std::abs(var.get(c)));
              m[size_t(c)].add(mean.get(c));
              v[size_t(c)].add(var.get(c));
            }
          }
          const double eps = 1e-3;
          auto normal = [&](int64_t i) {
            const auto c = size_t(channel(i));
            return (x.get(i) - m[c].value) / std::sqrt(v[c].value + eps);
          };
          auto gamma = [&](int64_t i) { return affine ? scale.get(channel(i)) : 1.0; };
          for (int64_t i = 0; i < x.size(); ++i) {
            want[size_t(i)].add(gamma(i) * normal(i));
            if (affine) want[size_t(i)].add(shift.get(channel(i)));
            want[size_t(i)].magnitude += 4;  // x and the mean, of magnitude 1, over a deviation of about 1/2
            sum_dy[size_t(channel(i))].add(dy.get(i));
            sum_dyx[size_t(channel(i))].add(dy.get(i) * normal(i));
          }
          for (int64_t i = 0; i < x.size(); ++i) {
            const auto c = size_t(channel(i));
            const double factor = gamma(i) / std::sqrt(v[c].value + eps);
            want_dx[size_t(i)].add(factor * dy.get(i));
            if (training) {
              want_dx[size_t(i)].add(-factor * sum_dy[c].value / count);
              want_dx[size_t(i)].add(-factor * normal(i) * sum_dyx[c].value / count);
            }
            want_dx[size_t(i)].magnitude += 4;
          }
          for (Exact& e : sum_dyx) e.magnitude *= 4;  // each term has the normalised value's error
          REQUIRE(kernels()->batch_norm_forward({.y = y.view(),
                                                 .x = x.view(),
                                                 .scale = affine ? scale.floats() : nullptr,
                                                 .shift = affine ? shift.floats() : nullptr,
                                                 .mean = mean.floats(),
                                                 .var = var.floats(),
                                                 .epsilon = 1e-3f,
                                                 .training = training}));
          compare(y, want);
          compare(mean, m);
          compare(var, v);
          REQUIRE(kernels()->batch_norm_backward({.dx = dx.view(),
                                                  .dy = dy.view(),
                                                  .x = x.view(),
                                                  .scale = affine ? scale.floats() : nullptr,
                                                  .mean = mean.floats(),
                                                  .var = var.floats(),
                                                  .dscale = affine ? dscale.floats() : nullptr,
                                                  .dshift = affine ? dshift.floats() : nullptr,
                                                  .epsilon = 1e-3f,
                                                  .training = training}));
          compare(dx, want_dx);
          if (affine) {
            compare(dscale, sum_dyx);
            compare(dshift, sum_dy);
          }
        }
}

TEST_CASE("oneDNN layer norm", "[onednn]") {
  REQUIRE_ONEDNN();
  for (const Sizes& shape : {Sizes{1, 5}, Sizes{7, 33}, Sizes{3, 4, 65}, Sizes{64, 300}})
    for (const bool affine : {false, true}) {
      const int64_t n = shape.back(), rows = product(shape) / n;
      INFO("rows " << rows << " of " << n << " affine " << affine);
      Sizes row_sizes{rows};
      Array x(DType::Float32, shape), y(DType::Float32, shape, {}, 0, false), dy(DType::Float32, shape);
      Array dx(DType::Float32, shape, {}, 0, false), scale(DType::Float32, {n}), shift(DType::Float32, {n});
      Array mean(DType::Float32, row_sizes, {}, 0, false), var(DType::Float32, row_sizes, {}, 0, false);
      Array dscale(DType::Float32, {n}, {}, 0, false), dshift(DType::Float32, {n}, {}, 0, false);
      std::vector<Exact> m{size_t(rows)}, v(m), want(size_t(x.size())), want_dx(want),
          want_scale(size_t(n), Exact{});
      m.assign(size_t(rows), Exact{});
      v = m;
      std::vector<Exact> want_shift(size_t(n), Exact{});
      const double eps = 1e-5, count = static_cast<double>(n);
      for (int64_t i = 0; i < x.size(); ++i) m[size_t(i / n)].add(x.get(i) / count);
      for (int64_t i = 0; i < x.size(); ++i)
        v[size_t(i / n)].add(std::pow(x.get(i) - m[size_t(i / n)].value, 2) / count);
      auto normal = [&](int64_t i) {
        return (x.get(i) - m[size_t(i / n)].value) / std::sqrt(v[size_t(i / n)].value + eps);
      };
      auto gamma = [&](int64_t i) { return affine ? scale.get(i % n) : 1.0; };
      std::vector<double> sum_g(size_t(rows), 0), sum_gx(size_t(rows), 0);
      for (int64_t i = 0; i < x.size(); ++i) {
        want[size_t(i)].add(gamma(i) * normal(i));
        if (affine) want[size_t(i)].add(shift.get(i % n));
        want[size_t(i)].magnitude += 4;
        sum_g[size_t(i / n)] += gamma(i) * dy.get(i);
        sum_gx[size_t(i / n)] += gamma(i) * dy.get(i) * normal(i);
        want_scale[size_t(i % n)].add(dy.get(i) * normal(i));
        want_shift[size_t(i % n)].add(dy.get(i));
      }
      for (int64_t i = 0; i < x.size(); ++i) {
        const double inverse = 1 / std::sqrt(v[size_t(i / n)].value + eps);
        want_dx[size_t(i)].add(inverse * gamma(i) * dy.get(i));
        want_dx[size_t(i)].add(-inverse * sum_g[size_t(i / n)] / count);
        want_dx[size_t(i)].add(-inverse * normal(i) * sum_gx[size_t(i / n)] / count);
        want_dx[size_t(i)].magnitude += 4;
      }
      for (Exact& e : want_scale) e.magnitude *= 4;
      REQUIRE(kernels()->layer_norm_forward({.y = y.view(),
                                             .x = x.view(),
                                             .scale = affine ? scale.floats() : nullptr,
                                             .shift = affine ? shift.floats() : nullptr,
                                             .mean = mean.floats(),
                                             .var = var.floats()}));
      compare(y, want);
      compare(mean, m);
      compare(var, v);
      REQUIRE(kernels()->layer_norm_backward({.dx = dx.view(),
                                              .dy = dy.view(),
                                              .x = x.view(),
                                              .scale = affine ? scale.floats() : nullptr,
                                              .mean = mean.floats(),
                                              .var = var.floats(),
                                              .dscale = affine ? dscale.floats() : nullptr,
                                              .dshift = affine ? dshift.floats() : nullptr}));
      compare(dx, want_dx);
      if (affine) {
        compare(dscale, want_scale);
        compare(dshift, want_shift);
      }
      // Without statistics, as inference does it.
      REQUIRE(kernels()->layer_norm_forward({.y = y.view(),
                                             .x = x.view(),
                                             .scale = affine ? scale.floats() : nullptr,
                                             .shift = affine ? shift.floats() : nullptr}));
      compare(y, want);
    }
}

TEST_CASE("oneDNN softmax", "[onednn]") {
  REQUIRE_ONEDNN();
  for (const Sizes& shape : {Sizes{9}, Sizes{7, 33}, Sizes{3, 5, 4}, Sizes{40, 300}})
    for (int axis = -1; axis < static_cast<int>(shape.size()); ++axis)
      for (const bool log : {false, true}) {
        const size_t dim = axis < 0 ? shape.size() - 1 : static_cast<size_t>(axis);
        INFO("ndim " << shape.size() << " axis " << axis << " log " << log);
        Array x(DType::Float32, shape), y(DType::Float32, shape, {}, 0, false), dy(DType::Float32, shape);
        Array dx(DType::Float32, shape, {}, 0, false);
        const int64_t inner =
            product(Sizes(shape.begin() + static_cast<std::ptrdiff_t>(dim) + 1, shape.end()));
        auto slice = [&](int64_t i) { return i / (inner * shape[dim]) * inner + i % inner; };
        std::vector<double> sum(size_t(x.size() / shape[dim]), 0), dot(sum);
        std::vector<Exact> want(size_t(x.size()), Exact{}), want_dx(want);
        for (int64_t i = 0; i < x.size(); ++i) sum[size_t(slice(i))] += std::exp(x.get(i));
        for (int64_t i = 0; i < x.size(); ++i) {
          const double p = std::exp(x.get(i)) / sum[size_t(slice(i))];
          want[size_t(i)].add(log ? std::log(p) : p);
          dot[size_t(slice(i))] += log ? dy.get(i) : dy.get(i) * p;
        }
        for (int64_t i = 0; i < x.size(); ++i) {
          const double p = std::exp(x.get(i)) / sum[size_t(slice(i))];
          want_dx[size_t(i)].add(log ? dy.get(i) : p * dy.get(i));
          want_dx[size_t(i)].add(-p * dot[size_t(slice(i))]);
          // exp is a polynomial, and the dot product's own error counts too.
          want_dx[size_t(i)].magnitude += p * static_cast<double>(shape[dim]);
        }
        REQUIRE(kernels()->softmax_forward({.y = y.view(), .x = x.view(), .axis = axis, .log = log}));
        compare(y, want);
        // Refused without AVX-512.
        if (kernels()->softmax_backward(
                {.dx = dx.view(), .dy = dy.view(), .y = y.view(), .axis = axis, .log = log}))
          compare(dx, want_dx);
      }
}
