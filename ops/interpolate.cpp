// Resizing of pictures: nearest, linear and cubic interpolation, and means of areas.
//
// Every mode is a linear map along each spatial dimension that reads one, two or four positions of the input
// for one of the output; where these lie is tabulated once per dimension. The positions are PyTorch's: pixels
// are squares whose centres stand at i + 1/2 (or, with align_corners, points at i, of which the first and
// last ones meet).
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/resample.h"
#include "ops/decl/copy.h"
#include "ops/decl/interpolate.h"
#include "ops/declare.h"
#include "ops/math.h"

namespace plait::op {
namespace {

constexpr int64_t kGrainElements = 16384;

// The scales that were asked for along depth, height and width; 0 where only the sizes are known.
using Factors = std::array<double, 3>;

enum class Mode { Nearest, NearestExact, Linear, Cubic };

Mode mode_of(const char* op, std::string_view name) {
  if (name == "nearest") return Mode::Nearest;
  if (name == "nearest-exact") return Mode::NearestExact;
  if (name == "linear" || name == "bilinear" || name == "trilinear") return Mode::Linear;
  if (name == "bicubic") return Mode::Cubic;
  fail<ValueError>(
      "{}: expected mode 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear' or 'area', "
      "got '{}'",
      op, name);
}

template <class T>
struct Axis {
  std::vector<int64_t> index;
  std::vector<T> weight;
  cpu::ResampleAxis<T> view;

  void one() {
    index.assign(1, 0);
    weight.assign(1, T(1));
    finish(1, 1, 1);
  }
  void finish(int64_t in, int64_t out, int taps) { view = {in, out, taps, index.data(), weight.data()}; }
  // `factor` is the scale that was asked for, 0 where only the sizes are known.
  void build(Mode mode, int64_t in, int64_t out, bool align_corners, double factor) {
    const int taps = mode == Mode::Linear ? 2 : mode == Mode::Cubic ? 4 : 1;
    index.resize(static_cast<size_t>(out * taps));
    weight.assign(index.size(), T(1));
    const double step = factor > 0 ? 1 / factor : static_cast<double>(in) / static_cast<double>(out);
    const double corner_step = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
    for (int64_t o = 0; o < out; ++o) {
      const auto position = static_cast<double>(o);
      int64_t* at = index.data() + o * taps;
      T* w = weight.data() + o * taps;
      if (taps == 1) {
        // In float, as PyTorch: which neighbour is nearest is a matter of rounding.
        const auto narrow = static_cast<float>(step);
        const float place =
            mode == Mode::Nearest ? static_cast<float>(o) * narrow : (static_cast<float>(o) + 0.5F) * narrow;
        at[0] = std::min(static_cast<int64_t>(std::floor(place)), in - 1);
        continue;
      }
      double place = align_corners ? corner_step * position : step * (position + 0.5) - 0.5;
      if (taps == 2) place = std::max(place, 0.0);
      const auto base = std::min(static_cast<int64_t>(std::floor(place)), in - 1);
      const double t = std::min(place - static_cast<double>(base), 1.0);
      if (taps == 2) {
        at[0] = base;
        at[1] = std::min(base + 1, in - 1);
        w[0] = static_cast<T>(1 - t);
        w[1] = static_cast<T>(t);
        continue;
      }
      // R. Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -3/4.
      constexpr double a = -0.75;
      const auto inner = [](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
      const auto outer = [](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
      const double weights[] = {outer(t + 1), inner(t), inner(1 - t), outer(2 - t)};
      for (int k = 0; k < 4; ++k) {
        at[k] = std::clamp<int64_t>(base + k - 1, 0, in - 1);
        w[k] = static_cast<T>(weights[k]);
      }
    }
    finish(in, out, taps);
  }
};

template <class T>
struct Axes {
  Axis<T> list[3];
  cpu::ResampleAxis<T> views[3];

  Axes(std::string_view mode, const Dims& in, const Dims& out, bool align_corners, const Factors& factors) {
    const int n = static_cast<int>(in.size()) - 2;
    for (int i = 0; i < 3; ++i) {
      const int d = i - (3 - n);  // missing dimensions come first
      if (d < 0)
        list[i].one();
      else
        list[i].build(mode_of("interpolate", mode), in[2 + d], out[2 + d], align_corners, factors[i]);
      views[i] = list[i].view;
    }
  }
};

// Runs f(kernels, axes, input planes, output planes, element counts) in the type that is computed in. `small`
// is the tensor with the sizes of the op's input, `large` that with those of its result; both in that type
// and contiguous.
template <class F>
void with_axes(DType compute, std::string_view mode, const Dims& in, const Dims& out, bool align_corners,
               const Factors& factors, const F& f) {
  if (compute == DType::Float64)
    f(cpu::resample_table().f64, Axes<double>(mode, in, out, align_corners, factors));
  else
    f(cpu::resample_table().f32, Axes<float>(mode, in, out, align_corners, factors));
}

DType compute_dtype(DType d) { return d == DType::Float64 ? DType::Float64 : DType::Float32; }
Tensor packed(const Tensor& t, DType dtype) {
  if (t.dtype() == dtype && t.is_contiguous()) return t;
  const Tensor x = empty_tensor(t.sizes(), dtype);
  cpu::copy(x, t);
  return x;
}
int64_t picture(const Dims& sizes) {
  int64_t count = 1;
  for (int i = 2; i < sizes.size(); ++i) count *= sizes[i];
  return count;
}

void check_sizes(const char* op, const Dims& in, IntSpan size) {
  const auto n = static_cast<size_t>(in.size()) - 2;
  check(in.size() >= 3 && in.size() <= 5 && size.size() == n,
        "{}: expected self of shape (N, C, one to three spatial dimensions) and as many sizes, got shape {} "
        "and size {}",
        op, in, size);
  for (size_t i = 0; i < n; ++i)
    check(size[i] > 0 && in[2 + static_cast<int>(i)] > 0,
          "{}: expected spatial sizes of at least 1, got shape {} and size {}", op, in, size);
}

Dims with_spatial(const Dims& like, IntSpan size) {
  Dims sizes = like;
  for (size_t i = 0; i < size.size(); ++i) sizes[2 + static_cast<int>(i)] = size[i];
  return sizes;
}

}  // namespace

Op<Tensor(const Tensor&, IntSpan, std::string_view, bool, double, double, double)> _resample{{
    .schema = "_resample(Tensor self, int[] size, str mode, bool align_corners, float factor_d=0, "
              "float factor_h=0, float factor_w=0) -> Tensor",
    .doc =
        R"(self (N, C, one to three spatial dimensions) resized to spatial sizes `size`, by mode nearest, nearest-exact, linear (in each dimension) or
bicubic. A factor is the scale that was asked for along depth, height or width, which need not be that of the rounded sizes; 0: none was.

>>> plait._resample(plait.tensor([[[1.0, 2.0]]]), (4,), "linear", False)
tensor([[[1.0000, 1.2500, 1.7500, 2.0000]]]))",
    .meta =
        [](const Tensor& self, IntSpan size, std::string_view mode, bool, double, double, double) {
          check_sizes("interpolate", self.sizes(), size);
          mode_of("interpolate", mode);
          return TensorSpec(with_spatial(self.sizes(), size), self.dtype(), self.device());
        },
    .vjp =
        [](Vjp& v) {
          const Dims in(IntSpan(v.sizes(0)).subspan(2));
          v.set(0, plait::_resample_backward(v.grad(), in, v.attr<std::string_view>(2), v.attr<bool>(3),
                                             v.attr<double>(4), v.attr<double>(5), v.attr<double>(6)));
        },
    .kind = Kind::Other,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& self, IntSpan, std::string_view mode, bool align_corners,
           double d, double h, double w) {
          if (out.numel() == 0) return;
          const DType compute = compute_dtype(out.dtype());
          const Tensor x = packed(self, compute);
          const Tensor y =
              out.dtype() == compute && out.is_contiguous() ? out : empty_tensor(out.sizes(), compute);
          with_axes(compute, mode, self.sizes(), out.sizes(), align_corners, {d, h, w},
                    [&]<class T>(const cpu::ResampleKernels<T>& kernels, const Axes<T>& axes) {
                      const int64_t in = picture(x.sizes()), to = picture(y.sizes());
                      parallel_for(0, y.numel() / to, std::max<int64_t>(1, kGrainElements / to),
                                   [&](int64_t begin, int64_t end) {
                                     std::vector<T> row(static_cast<size_t>(axes.views[2].in));
                                     for (int64_t p = begin; p < end; ++p)
                                       kernels.forward(x.data<T>() + p * in, axes.views, row.data(),
                                                       y.data<T>() + p * to);
                                   });
                    });
          if (!y.same(out)) cpu::copy(out, y);
        },
}};

Op<Tensor(const Tensor&, IntSpan, std::string_view, bool, double, double, double)> _resample_backward{{
    .schema = "_resample_backward(Tensor grad, int[] input_size, str mode, bool align_corners, float "
              "factor_d=0, float factor_h=0, float factor_w=0) -> Tensor",
    .doc = "The gradient of _resample for an input of the spatial sizes input_size.",
    .meta =
        [](const Tensor& grad, IntSpan input_size, std::string_view mode, bool, double, double, double) {
          check_sizes("_resample_backward", grad.sizes(), input_size);
          mode_of("_resample_backward", mode);
          return TensorSpec(with_spatial(grad.sizes(), input_size), grad.dtype(), grad.device());
        },
    .vjp =
        [](Vjp& v) {
          const Dims out(IntSpan(v.sizes(0)).subspan(2));
          v.set(0, plait::_resample(v.grad(), out, v.attr<std::string_view>(2), v.attr<bool>(3),
                                    v.attr<double>(4), v.attr<double>(5), v.attr<double>(6)));
        },
    .kind = Kind::Other,
    .dtypes = kFloatDTypes,
    .cpu =
        [](const Tensor& out, const Tensor& grad, IntSpan, std::string_view mode, bool align_corners,
           double d, double h, double w) {
          if (out.numel() == 0) return;
          const DType compute = compute_dtype(out.dtype());
          const Tensor dy = packed(grad, compute);
          const Tensor dx =
              out.dtype() == compute && out.is_contiguous() ? out : empty_tensor(out.sizes(), compute);
          with_axes(compute, mode, out.sizes(), grad.sizes(), align_corners, {d, h, w},
                    [&]<class T>(const cpu::ResampleKernels<T>& kernels, const Axes<T>& axes) {
                      const int64_t to = picture(dx.sizes()), from = picture(dy.sizes());
                      parallel_for(0, dx.numel() / to, std::max<int64_t>(1, kGrainElements / from),
                                   [&](int64_t begin, int64_t end) {
                                     std::vector<T> row(static_cast<size_t>(axes.views[2].in));
                                     std::fill(dx.data<T>() + begin * to, dx.data<T>() + end * to, T(0));
                                     for (int64_t p = begin; p < end; ++p)
                                       kernels.backward(dy.data<T>() + p * from, axes.views, row.data(),
                                                        dx.data<T>() + p * to);
                                   });
                    });
          if (!dx.same(out)) cpu::copy(out, dx);
        },
}};

}  // namespace plait::op
