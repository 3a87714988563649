#include "ops/cpu/batch_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/channel_layout.h"
#include "ops/cpu/channel_norm.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // elements

Tensor vector_of(const Tensor& t, DType dtype) {
  if (!t.defined() || (t.is_contiguous() && t.dtype() == dtype)) return t;
  const Tensor out = empty_tensor(t.sizes(), dtype);
  copy(out, t);
  return out;
}
template <class T>
T value_at(const Tensor& t, int64_t c, T otherwise) {
  return t.defined() ? t.data<T>()[c] : otherwise;
}
template <class F>
void with_kernels(DType dtype, const F& f) {
  dtype == DType::Float64 ? f.template operator()<double>(channel_norm_table().f64)
                          : f.template operator()<float>(channel_norm_table().f32);
}

struct Shape {
  int64_t batch, channels, inner;
  explicit Shape(const Tensor& t) : batch(t.sizes()[0]), channels(t.sizes()[1]), inner(plane_size(t)) {}
  int64_t count() const { return batch * inner; }
  int64_t rows() const { return batch * inner; }
};

template <class F>
void parallel_each(int64_t count, int64_t work, const F& f) {
  parallel_for(0, count, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) f(i);
               });
}

// Planes: gathers from each plane of a channel (`gather(plane)`, which may run on any thread), in their order
// takes them together (`finish(channel, the first of its planes' results)`), then writes them
// (`write(plane, channel)`). A thread does all of a channel at once, while it is in its cache, where there
// are channels enough; the results are the same otherwise.
template <class Part, class Gather, class Finish, class Write>
void over_planes(const Shape& s, const Gather& gather, const Finish& finish, const Write& write) {
  const auto plane = [&](int64_t c, int64_t n) { return n * s.channels + c; };
  if (s.channels >= num_threads() || s.batch == 1) {
    parallel_for(0, s.channels, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, s.count())),
                 [&](int64_t begin, int64_t end) {
                   std::vector<Part> parts(static_cast<size_t>(s.batch));
                   for (int64_t c = begin; c < end; ++c) {
                     for (int64_t n = 0; n < s.batch; ++n)
                       parts[static_cast<size_t>(n)] = gather(plane(c, n), c);
                     finish(c, parts.data());
                     for (int64_t n = 0; n < s.batch; ++n) write(plane(c, n), c);
                   }
                 });
    return;
  }
  std::vector<Part> parts(static_cast<size_t>(s.batch * s.channels));  // by channel
  const auto each = [&](const auto& f) {
    parallel_each(s.batch * s.channels, s.inner, [&](int64_t i) { f(i / s.batch, i % s.batch, i); });
  };
  each([&](int64_t c, int64_t n, int64_t i) { parts[static_cast<size_t>(i)] = gather(plane(c, n), c); });
  for (int64_t c = 0; c < s.channels; ++c) finish(c, parts.data() + c * s.batch);
  each([&](int64_t c, int64_t n, int64_t) { write(plane(c, n), c); });
}

// Rows: a number of parts that does not depend on that of the threads.
int64_t row_parts(const Shape& s) {
  return std::clamp<int64_t>(s.rows() * s.channels / (4 * kGrain), 1, std::min<int64_t>(16, s.rows()));
}

struct Sums {
  double of_one = 0, of_x = 0;
};

template <class T>
struct Forward {
  const ChannelNorm<T>& kernels;
  Shape s;
  T *y, *mean, *var;
  const T* x;
  const Tensor &weight, &bias;
  double eps;
  std::vector<T> scale, shift;

  void set(int64_t c, double m, double squares) {
    const double v = squares / static_cast<double>(s.count());
    mean[c] = static_cast<T>(m);
    var[c] = static_cast<T>(v);
    scale[static_cast<size_t>(c)] =
        static_cast<T>(static_cast<double>(value_at<T>(weight, c, 1)) / std::sqrt(v + eps));
    shift[static_cast<size_t>(c)] = value_at<T>(bias, c, 0);
  }
  void planes() {
    over_planes<ChannelMoments>(
        s,
        [&](int64_t plane, int64_t) {
          ChannelMoments m;
          kernels.moments(x + plane * s.inner, s.inner, &m);
          return m;
        },
        [&](int64_t c, const ChannelMoments* parts) {
          ChannelMoments all;
          for (int64_t n = 0; n < s.batch; ++n) merge_moments(all, parts[n]);
          set(c, all.mean, all.squares);
        },
        [&](int64_t plane, int64_t c) {
          const auto at = static_cast<size_t>(c);
          kernels.apply(x + plane * s.inner, s.inner, mean[c], scale[at], shift[at], y + plane * s.inner);
        });
  }
  void rows() {
    const int64_t parts = row_parts(s), c = s.channels;
    std::vector<double> sums(static_cast<size_t>(parts * c * 2));
    parallel_each(parts, s.rows() * c / parts, [&](int64_t p) {
      const int64_t first = s.rows() * p / parts, last = s.rows() * (p + 1) / parts;
      double* means = sums.data() + p * 2 * c;
      kernels.moments_of_rows(x + first * c, last - first, c, 0, means, means + c);
    });
    for (int64_t i = 0; i < c; ++i) {
      ChannelMoments all;
      for (int64_t p = 0; p < parts; ++p) {
        const auto count = static_cast<double>(s.rows() * (p + 1) / parts - s.rows() * p / parts);
        const double* part = sums.data() + p * 2 * c + i;
        merge_moments(all, {count, part[0], part[c]});
      }
      set(i, all.mean, all.squares);
    }
    parallel_for(0, s.rows(), std::max<int64_t>(1, kGrain / c), [&](int64_t begin, int64_t end) {
      kernels.apply_to_rows(x + begin * c, end - begin, c, mean, scale.data(), shift.data(), y + begin * c);
    });
  }
};

// With h = (x - mean) / sqrt(var + eps): dx = weight / sqrt(var + eps) * (dy - mean(dy) - h mean(dy h)).
template <class T>
struct Backward {
  const ChannelNorm<T>& kernels;
  Shape s;
  T *dx, *dweight, *dbias;
  const T *g, *x;
  const Tensor& weight;
  const T *mean, *var;
  double eps;
  std::vector<T> scale, slope, shift;

  void set(int64_t c, const Sums& sums) {
    const double inverse = 1 / std::sqrt(static_cast<double>(var[c]) + eps),
                 count = static_cast<double>(s.count());
    const double factor = static_cast<double>(value_at<T>(weight, c, 1)) * inverse;
    const auto at = static_cast<size_t>(c);
    dweight[c] = static_cast<T>(sums.of_x * inverse);
    dbias[c] = static_cast<T>(sums.of_one);
    scale[at] = static_cast<T>(factor);
    slope[at] = static_cast<T>(factor * sums.of_x * inverse * inverse / count);
    shift[at] = static_cast<T>(factor * sums.of_one / count);
  }
  void planes() {
    over_planes<Sums>(
        s,
        [&](int64_t plane, int64_t c) {
          double sums[2] = {0, 0};
          kernels.grad_sums(g + plane * s.inner, x + plane * s.inner, s.inner, mean[c], sums);
          return Sums{sums[0], sums[1]};
        },
        [&](int64_t c, const Sums* parts) {
          Sums all;
          for (int64_t n = 0; n < s.batch; ++n) {
            all.of_one += parts[n].of_one;
            all.of_x += parts[n].of_x;
          }
          set(c, all);
        },
        [&](int64_t plane, int64_t c) {
          const auto at = static_cast<size_t>(c);
          const int64_t first = plane * s.inner;
          kernels.grad_apply(g + first, x + first, s.inner, mean[c], scale[at], slope[at], shift[at],
                             dx + first);
        });
  }
  void rows() {
    const int64_t parts = row_parts(s), c = s.channels;
    std::vector<double> sums(static_cast<size_t>(parts * c * 2));
    parallel_each(parts, s.rows() * c / parts, [&](int64_t p) {
      const int64_t first = s.rows() * p / parts, last = s.rows() * (p + 1) / parts;
      double* part = sums.data() + p * 2 * c;
      kernels.grad_sums_of_rows(g + first * c, x + first * c, last - first, c, mean, part, part + c);
    });
    for (int64_t i = 0; i < c; ++i) {
      Sums all;
      for (int64_t p = 0; p < parts; ++p) {
        const double* part = sums.data() + p * 2 * c + i;
        all.of_one += part[0];
        all.of_x += part[c];
      }
      set(i, all);
    }
    parallel_for(0, s.rows(), std::max<int64_t>(1, kGrain / c), [&](int64_t begin, int64_t end) {
      kernels.grad_apply_to_rows(g + begin * c, x + begin * c, end - begin, c, mean, scale.data(),
                                 slope.data(), shift.data(), dx + begin * c);
    });
  }
};

}  // namespace

void batch_norm(const Tensor& y, const Tensor& mean, const Tensor& var, const Tensor& x, const Tensor& weight,
                const Tensor& bias, double eps) {
  if (x.numel() == 0) {  // zeros, so that gradients of weights are zeros
    for (const Tensor* t : {&mean, &var})
      if (t->numel()) copy_into(*t, wrapped_scalar(0));
    return;
  }
  const DType dtype = mean.dtype();
  const ChannelLayout layout = channel_layout(y);
  const Tensor to = target_in(y, layout, dtype), from = in_layout(x, layout, dtype),
               w = vector_of(weight, dtype), b = vector_of(bias, dtype);
  with_kernels(dtype, [&]<class T>(const ChannelNorm<T>& kernels) {
    const Shape shape(x);
    const auto channels = static_cast<size_t>(shape.channels);
    Forward<T> forward{.kernels = kernels,
                       .s = shape,
                       .y = to.data<T>(),
                       .mean = mean.data<T>(),
                       .var = var.data<T>(),
                       .x = from.data<T>(),
                       .weight = w,
                       .bias = b,
                       .eps = eps,
                       .scale = std::vector<T>(channels),
                       .shift = std::vector<T>(channels)};
    layout == ChannelLayout::Rows ? forward.rows() : forward.planes();
  });
  if (!to.same(y)) copy(y, to);
}

void batch_norm_backward(const Tensor& dx, const Tensor& dweight, const Tensor& dbias, const Tensor& dy,
                         const Tensor& x, const Tensor& weight, const Tensor& mean, const Tensor& var,
                         double eps) {
  const DType dtype = mean.dtype();
  const ChannelLayout layout = channel_layout(dx);
  const Tensor to = target_in(dx, layout, dtype), g = in_layout(dy, layout, dtype),
               from = in_layout(x, layout, dtype), w = vector_of(weight, dtype), m = vector_of(mean, dtype),
               v = vector_of(var, dtype);
  with_kernels(dtype, [&]<class T>(const ChannelNorm<T>& kernels) {
    const Shape shape(x);
    const auto channels = static_cast<size_t>(shape.channels);
    if (x.numel() == 0) {
      std::fill_n(dweight.data<T>(), channels, T(0));
      std::fill_n(dbias.data<T>(), channels, T(0));
      return;
    }
    Backward<T> backward{.kernels = kernels,
                         .s = shape,
                         .dx = to.data<T>(),
                         .dweight = dweight.data<T>(),
                         .dbias = dbias.data<T>(),
                         .g = g.data<T>(),
                         .x = from.data<T>(),
                         .weight = w,
                         .mean = m.data<T>(),
                         .var = v.data<T>(),
                         .eps = eps,
                         .scale = std::vector<T>(channels),
                         .slope = std::vector<T>(channels),
                         .shift = std::vector<T>(channels)};
    layout == ChannelLayout::Rows ? backward.rows() : backward.planes();
  });
  if (!to.same(dx)) copy(dx, to);
}

}  // namespace plait::cpu
