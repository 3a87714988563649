// What the tests of the oneDNN kernels share: strided arrays, windows, and exact results in double with what
// rounding may add to them. The 16-bit floats are compared where this CPU has them; float32 must be taken.
#pragma once

#include <array>
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
#include "ops/cpu/onednn.h"
#include "plait/half.h"

namespace plait::cpu::onednn_test {

using Sizes = std::vector<int64_t>;

// Null where plait was built without oneDNN. A library that is there and does not load fails the test.
inline const OnednnKernels* kernels() {
  static const OnednnKernels* table = []() -> const OnednnKernels* {
    try {
      return &onednn();
    } catch (const std::exception& error) {
      const std::string reason = error.what();
      if (reason.find("libplait_onednn.so: cannot open shared object file") == std::string::npos)
        FAIL(reason);
    }
    return nullptr;
  }();
  return table;
}
#define REQUIRE_ONEDNN()                                            \
  if (!kernels()) {                                                 \
    WARN("plait was built without oneDNN: nothing is tested here"); \
    return;                                                         \
  }

inline std::mt19937& random_bits() {
  static std::mt19937 bits(20231);
  return bits;
}

inline int64_t product(const Sizes& sizes) {
  return std::accumulate(sizes.begin(), sizes.end(), int64_t{1}, std::multiplies<>());
}

inline double epsilon(DType dtype) {
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
  // All of them, contiguous: references read each many times.
  std::vector<double> values() const {
    std::vector<double> all(static_cast<size_t>(size()));
    for (size_t i = 0; i < all.size(); ++i) all[i] = get(static_cast<int64_t>(i));
    return all;
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

inline double epilogue(Epilogue kind, double x) {
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
inline void compare(const Array& got, const std::vector<Exact>& want, double extra = 0) {
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

inline constexpr DType kDTypes[] = {DType::Float32, DType::BFloat16, DType::Float16};

// Taken, or rightly refused: the 16-bit floats depend on the CPU.
inline bool taken(bool result, DType dtype) {
  if (dtype == DType::Float32) REQUIRE(result);
  return result;
}

// A convolution.
struct ConvCase {
  Sizes x;      // N, C, spatial
  int64_t out;  // output channels
  Sizes kernel;
  int64_t groups = 1;
  Sizes stride = {}, dilation = {}, begin = {}, end = {};
};

inline Window window_of(const ConvCase& k) {
  Window w;
  w.spatial = static_cast<int>(k.kernel.size());
  w.groups = k.groups;
  for (size_t i = 0; i < k.kernel.size(); ++i) {
    if (!k.stride.empty()) w.stride[i] = k.stride[i];
    if (!k.dilation.empty()) w.dilation[i] = k.dilation[i];
    if (!k.begin.empty()) w.pad_begin[i] = k.begin[i];
    if (!k.end.empty()) w.pad_end[i] = k.end[i];
  }
  return w;
}

inline Sizes output_sizes(const ConvCase& k, const Window& w) {
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
    std::array<int64_t, 5> at{};
    int64_t rest = i;
    for (size_t d = y.sizes.size(); d-- > 0;) at[d] = rest % y.sizes[d], rest /= y.sizes[d];
    for (int64_t c = 0; c < per_group_in; ++c)
      for (int64_t tap = 0; tap < taps; ++tap) {
        std::array<int64_t, 3> offset{};
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

inline std::vector<int> channels_inside(size_t ndim) {
  std::vector<int> order{0};
  for (size_t i = 2; i < ndim; ++i) order.push_back(static_cast<int>(i));
  order.push_back(1);
  return order;
}

}  // namespace plait::cpu::onednn_test
