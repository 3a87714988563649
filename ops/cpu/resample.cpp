#include "ops/cpu/resample.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/channel_layout.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrainElements = 16384;

// R. Keys, "Cubic convolution interpolation for digital image processing" (1981): the weight of a pixel at a
// distance of x.
double keys(double x, double a) {
  x = std::abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

// x rounded down, to `most` at most; x is at least -1.
int64_t floor_to(double x, int64_t most) {
  return x < static_cast<double>(most) ? static_cast<int64_t>(std::floor(x)) : most;
}

// The table of one dimension, and its owner.
template <class T>
class Axis {
 public:
  ResampleAxis<T> view() const {
    ResampleAxis<T> axis{in_, out_, taps_, first_.data(), count_.data(), weight_.data(), true, in_ == out_};
    for (int64_t o = 0; o < out_; ++o) {
      axis.plain = axis.plain && count_[o] == 1 && weight_[o * taps_] == T(1);
      axis.same = axis.same && first_[o] == o;
    }
    axis.same = axis.same && axis.plain;
    return axis;
  }

  // Every position as it is.
  static Axis same(int64_t size) {
    Axis axis(size, size);
    for (int64_t o = 0; o < size; ++o) axis.put(o, o, {1.0});
    return axis;
  }

  // `factor` is the scale that was asked for, 0 where only the sizes are known.
  static Axis of(const ResampleMap& map, int64_t in, int64_t out, double factor) {
    const double step = factor > 0 ? 1 / factor : static_cast<double>(in) / static_cast<double>(out);
    const double corner_step = out > 1 ? static_cast<double>(in - 1) / static_cast<double>(out - 1) : 0;
    Axis axis(in, out);
    std::vector<double> weights;
    for (int64_t o = 0; o < out; ++o) {
      const auto at = static_cast<double>(o);
      if (map.mode == ResampleMode::Nearest || map.mode == ResampleMode::NearestExact) {
        // In float, as PyTorch: which neighbour is nearest is a matter of rounding.
        const auto narrow = static_cast<float>(step);
        const float half = map.mode == ResampleMode::Nearest ? 0.0F : 0.5F;
        const float place = (static_cast<float>(o) + half) * narrow;
        axis.put(o, floor_to(place, in - 1), {1.0});
        continue;
      }
      weights.clear();
      if (map.antialias) {
        axis.put(o, antialiased(map, in, at, map.align_corners ? corner_step : step, weights), weights);
        continue;
      }
      double place = map.align_corners ? corner_step * at : step * (at + 0.5) - 0.5;
      if (map.mode == ResampleMode::Linear) place = std::max(place, 0.0);
      const int64_t base = floor_to(place, in - 1);
      const double t = std::min(place - static_cast<double>(base), 1.0);
      // Positions beyond the ends are the ends.
      const bool linear = map.mode == ResampleMode::Linear;
      const int64_t before = linear ? 0 : 1, behind = linear ? 1 : 2;
      const int64_t first = std::clamp<int64_t>(base - before, 0, in - 1);
      weights.assign(static_cast<size_t>(std::clamp<int64_t>(base + behind, 0, in - 1) - first + 1), 0.0);
      for (int64_t k = -before; k <= behind; ++k) {
        const double distance = t - static_cast<double>(k);
        weights[static_cast<size_t>(std::clamp<int64_t>(base + k, 0, in - 1) - first)] +=
            linear ? 1 - std::abs(distance) : keys(distance, -0.75);
      }
      axis.put(o, first, weights);
    }
    return axis;
  }

  Axis transposed() const {
    Axis axis(out_, in_);
    std::vector<int64_t> end(static_cast<size_t>(in_), 0);
    for (int64_t o = 0; o < out_; ++o)
      for (int64_t i = first_[o]; i < first_[o] + count_[o]; ++i) {
        if (end[i] == 0) axis.first_[i] = o;
        end[i] = o + 1;
      }
    axis.taps_ = 1;
    for (int64_t i = 0; i < in_; ++i) {
      axis.count_[i] = end[i] > 0 ? end[i] - axis.first_[i] : 0;
      axis.taps_ = std::max(axis.taps_, axis.count_[i]);
    }
    axis.weight_.assign(static_cast<size_t>(in_ * axis.taps_), T(0));
    for (int64_t o = 0; o < out_; ++o)
      for (int64_t k = 0; k < count_[o]; ++k) {
        const int64_t i = first_[o] + k;
        axis.weight_[i * axis.taps_ + o - axis.first_[i]] = weight_[o * taps_ + k];
      }
    return axis;
  }

 private:
  Axis(int64_t in, int64_t out)
      : in_(in),
        out_(out),
        first_(static_cast<size_t>(out), 0),
        count_(static_cast<size_t>(out), 0) {}

  // Where the weights begin. They reach as much farther as the picture shrinks, so that every pixel counts;
  // cubic ones have a = -1/2 then, as in Pillow.
  static int64_t antialiased(const ResampleMap& map, int64_t in, double at, double step,
                             std::vector<double>& weights) {
    const bool cubic = map.mode == ResampleMode::Cubic;
    const double stretch = std::max(step, 1.0), reach = (cubic ? 2 : 1) * stretch, centre = (at + 0.5) * step;
    const int64_t first = floor_to(std::max(centre - reach + 0.5, 0.0), in - 1);
    const int64_t end = std::max(floor_to(centre + reach + 0.5, in), first + 1);
    double total = 0;
    for (int64_t i = first; i < end; ++i) {
      const double x = (static_cast<double>(i) + 0.5 - centre) / stretch;
      weights.push_back(cubic ? keys(x, -0.5) : std::max(1 - std::abs(x), 0.0));
      total += weights.back();
    }
    for (double& weight : weights) weight /= total;
    return first;
  }

  // Weights of zero at the ends are left out: what has no weight is not read.
  void put(int64_t o, int64_t first, const std::vector<double>& weights) {
    size_t begin = 0, end = weights.size();
    while (end - begin > 1 && static_cast<T>(weights[begin]) == T(0)) ++begin;
    while (end - begin > 1 && static_cast<T>(weights[end - 1]) == T(0)) --end;
    const auto count = static_cast<int64_t>(end - begin);
    if (count > taps_) {  // rows of weights grow
      std::vector<T> wider(static_cast<size_t>(out_ * count), T(0));
      for (int64_t r = 0; r < o; ++r)
        std::copy_n(weight_.data() + r * taps_, taps_, wider.data() + r * count);
      weight_ = std::move(wider);
      taps_ = count;
    }
    first_[o] = first + static_cast<int64_t>(begin);
    count_[o] = count;
    for (int64_t k = 0; k < count; ++k)
      weight_[o * taps_ + k] = static_cast<T>(weights[begin + static_cast<size_t>(k)]);
  }

  int64_t in_, out_, taps_ = 0;
  std::vector<int64_t> first_, count_;
  std::vector<T> weight_;
};

// How the two sides lie: planes, or all channels of a position side by side.
ChannelLayout layout_of(const Tensor& t) {
  return !t.is_contiguous() && channels_innermost(t) ? ChannelLayout::Rows : ChannelLayout::Planes;
}

template <class T>
void run(ResampleRows<T> rows, const Tensor& y, const Tensor& x, const ResampleAxis<T>* axes,
         int64_t pictures, int64_t inner) {
  const int64_t from = axes[0].in * axes[1].in * axes[2].in * inner, to_rows = axes[0].out * axes[1].out,
                width = axes[2].out * inner;
  const auto at = [](const Tensor& t, int64_t element) {
    return static_cast<char*>(t.data_ptr()) + element * static_cast<int64_t>(itemsize(t.dtype()));
  };
  const int64_t cost = width * std::min<int64_t>(axes[2].taps, 8);
  parallel_for(
      0, pictures * to_rows, std::max<int64_t>(1, kGrainElements / cost), [&](int64_t begin, int64_t end) {
        const Workspace memory(resample_memory(axes[2].in * inner, width) * static_cast<int64_t>(sizeof(T)));
        while (begin < end) {
          const int64_t picture = begin / to_rows, first = begin - picture * to_rows;
          const int64_t last = std::min(end - picture * to_rows, to_rows);
          rows(at(x, picture * from), axes, inner, first, last, static_cast<T*>(memory.data()),
               at(y, picture * to_rows * width));
          begin += last - first;
        }
      });
}

template <class T>
void resample_as(const ResampleKernels<T>& kernels, DType compute, const Tensor& y, const Tensor& x,
                 const Dims& small, const Dims& large, const ResampleMap& map, bool adjoint,
                 ChannelLayout layout) {
  const int missing = 3 - (small.size() - 2);  // dimensions, which come first
  std::vector<Axis<T>> tables;
  ResampleAxis<T> axes[3];
  for (int i = 0; i < 3; ++i) {
    const int d = 2 + i - missing;
    tables.push_back(i < missing ? Axis<T>::same(1) : Axis<T>::of(map, small[d], large[d], map.factors[i]));
    if (adjoint) tables.back() = tables.back().transposed();
    axes[i] = tables.back().view();
  }
  const int64_t channels = small[1], inner = layout == ChannelLayout::Rows ? channels : 1,
                pictures = small[0] * channels / inner;

  // Rows are added up before the sums along them are taken; where there are fewer rows and shorter ones the
  // other way round, in two passes.
  const auto cost = [](double rows, double width, double taps) { return rows * width * taps; };
  const double rows_in = static_cast<double>(axes[0].in * axes[1].in),
               rows_out = static_cast<double>(axes[0].out * axes[1].out),
               width_in = static_cast<double>(axes[2].in), width_out = static_cast<double>(axes[2].out),
               down = static_cast<double>(axes[0].taps * axes[1].taps),
               along = static_cast<double>(axes[2].taps);
  const double rows_first = cost(rows_out, width_in, down) + cost(rows_out, width_out, along),
               width_first = cost(rows_in, width_out, along) + cost(rows_out, width_out, down);
  if (axes[2].same || axes[2].plain || 2 * width_first > rows_first)
    return run(kernels.same, y, x, axes, pictures, inner);
  Dims sizes = y.sizes();
  for (int i = missing; i < 2; ++i) sizes[2 + i - missing] = axes[i].in;
  const Tensor half = empty_in(sizes, layout, compute);
  const Axis<T> depth = Axis<T>::same(axes[0].in), height = Axis<T>::same(axes[1].in),
                width = Axis<T>::same(axes[2].out);
  const ResampleAxis<T> along_width[] = {depth.view(), height.view(), axes[2]},
                        down_rows[] = {axes[0], axes[1], width.view()};
  run(kernels.widen, half, x, along_width, pictures, inner);
  run(kernels.narrow, y, half, down_rows, pictures, inner);
}

}  // namespace

void resample(const Tensor& out, const Tensor& x, const ResampleMap& map, bool adjoint) {
  if (out.numel() == 0) return;
  const ChannelLayout layout = layout_of(out);
  const Tensor from = in_layout(x, layout, x.dtype()), y = target_in(out, layout, out.dtype());
  const Dims &small = adjoint ? out.sizes() : x.sizes(), &large = adjoint ? x.sizes() : out.sizes();
  const ResampleTable& table = resample_table();
  const auto go = [&](const auto& kernels, DType compute) {
    resample_as(kernels, compute, y, from, small, large, map, adjoint, layout);
  };
  switch (x.dtype()) {
    case DType::UInt8: go(table.u8, DType::Float32); break;
    case DType::Float16: go(table.f16, DType::Float32); break;
    case DType::BFloat16: go(table.bf16, DType::Float32); break;
    case DType::Float32: go(table.f32, DType::Float32); break;
    default: go(table.f64, DType::Float64);
  }
  if (!y.same(out)) copy(out, y);
}

}  // namespace plait::cpu
