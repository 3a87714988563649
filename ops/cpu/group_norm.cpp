#include "ops/cpu/group_norm.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/channel_layout.h"
#include "ops/cpu/channel_norm.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // elements

Tensor dense(const Tensor& t, DType dtype) {
  if (!t.defined() || (t.is_contiguous() && t.dtype() == dtype)) return t;
  const Tensor out = empty_tensor(t.sizes(), dtype);
  copy(out, t);
  return out;
}
Tensor dense_target(const Tensor& t, DType dtype) {
  return t.is_contiguous() && t.dtype() == dtype ? t : empty_tensor(t.sizes(), dtype);
}
template <class T>
double value_at(const T* values, int64_t c, double otherwise) {
  return values ? static_cast<double>(values[c]) : otherwise;
}
template <class T>
T* pointer(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}
template <class F>
void with_kernels(DType dtype, const F& f) {
  dtype == DType::Float64 ? f.template operator()<double>(channel_norm_table().f64)
                          : f.template operator()<float>(channel_norm_table().f32);
}

struct Shape {
  int64_t batch, channels, inner, groups, per_group;
  Shape(const Tensor& t, int64_t groups)
      : batch(t.sizes()[0]),
        channels(t.sizes()[1]),
        inner(plane_size(t)),
        groups(groups),
        per_group(channels / groups) {}
  int64_t sample() const { return channels * inner; }
  double count() const { return static_cast<double>(per_group * inner); }

  // f(sample, group), on several threads.
  template <class F>
  void over_groups(const F& f) const {
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, per_group * inner));
    parallel_for(0, batch * groups, grain, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) f(i / groups, i % groups);
    });
  }
  // f(sample), on several threads where there are samples enough: else f itself may use several.
  template <class F>
  void over_samples(const F& f) const {
    const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, sample()));
    parallel_for(0, batch, batch >= num_threads() ? grain : batch, [&](int64_t begin, int64_t end) {
      for (int64_t n = begin; n < end; ++n) f(n);
    });
  }
  // Parts of a sample's rows, as many whatever the number of threads: f(part, first row, rows).
  int64_t row_parts() const {
    return std::clamp<int64_t>(sample() / (4 * kGrain), 1, std::min<int64_t>(16, inner));
  }
  template <class F>
  void over_row_parts(const F& f) const {
    const int64_t parts = row_parts();
    parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
      for (int64_t p = begin; p < end; ++p)
        f(p, inner * p / parts, inner * (p + 1) / parts - inner * p / parts);
    });
  }
};

template <class T>
struct Forward {
  const ChannelNorm<T>& kernels;
  Shape s;
  T *y, *mean, *rstd;
  const T *x, *weight, *bias;
  double eps;

  T scale(int64_t at, int64_t c) const {
    return static_cast<T>(static_cast<double>(rstd[at]) * value_at(weight, c, 1));
  }
  T shift(int64_t c) const { return static_cast<T>(value_at(bias, c, 0)); }
  void set(int64_t at, const ChannelMoments& m) const {
    mean[at] = static_cast<T>(m.mean);
    rstd[at] = static_cast<T>(1 / std::sqrt(m.squares / s.count() + eps));
  }
  void planes() const {
    s.over_groups([&](int64_t n, int64_t group) {
      const int64_t at = n * s.groups + group, first = at * s.per_group * s.inner;
      ChannelMoments m;
      kernels.moments(x + first, s.per_group * s.inner, &m);
      set(at, m);
      for (int64_t i = 0; i < s.per_group; ++i) {
        const int64_t c = group * s.per_group + i, plane = first + i * s.inner;
        kernels.apply(x + plane, s.inner, mean[at], scale(at, c), shift(c), y + plane);
      }
    });
  }
  void rows() const {
    s.over_samples([&](int64_t n) {
      const T* from = x + n * s.sample();
      const int64_t channels = s.channels, parts = s.row_parts();
      if (s.inner == 1) {
        for (int64_t group = 0; group < s.groups; ++group) {
          ChannelMoments m;
          kernels.moments(from + group * s.per_group, s.per_group, &m);
          set(n * s.groups + group, m);
        }
      } else {
        std::vector<double> sums(static_cast<size_t>(parts * channels * 2));
        s.over_row_parts([&](int64_t p, int64_t first, int64_t rows) {
          double* means = sums.data() + p * 2 * channels;
          kernels.moments_of_rows(from + first * channels, rows, channels, 0, means, means + channels);
        });
        for (int64_t group = 0; group < s.groups; ++group) {
          ChannelMoments all;
          for (int64_t c = group * s.per_group; c < (group + 1) * s.per_group; ++c)
            for (int64_t p = 0; p < parts; ++p) {
              const auto rows = static_cast<double>(s.inner * (p + 1) / parts - s.inner * p / parts);
              const double* part = sums.data() + p * 2 * channels + c;
              merge_moments(all, {rows, part[0], part[channels]});
            }
          set(n * s.groups + group, all);
        }
      }
      std::vector<T> arrays(static_cast<size_t>(3 * channels));
      T *means = arrays.data(), *scales = means + channels, *shifts = scales + channels;
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t at = n * s.groups + c / s.per_group;
        means[c] = mean[at];
        scales[c] = scale(at, c);
        shifts[c] = shift(c);
      }
      s.over_row_parts([&](int64_t, int64_t first, int64_t rows) {
        kernels.apply_to_rows(from + first * channels, rows, channels, means, scales, shifts,
                              y + n * s.sample() + first * channels);
      });
    });
  }
};

// With h = (x - mean) rstd and u = dy weight: dx = rstd (u - mean(u) - h mean(u h)).
template <class T>
struct Backward {
  const ChannelNorm<T>& kernels;
  Shape s;
  T *dx, *dweight, *dbias;
  const T *g, *x, *mean, *rstd, *weight;
  std::vector<double> sums{};  // of dy, then of dy (x - mean), for each sample and channel

  double* sums_of(int64_t n, int64_t c) { return sums.data() + (n * s.channels + c) * 2; }
  struct Terms {
    T scale, slope, shift;
  };
  // For the channels of a group, once their sums are there: f(channel, terms).
  template <class F>
  void over_terms(int64_t n, int64_t group, const F& f) {
    double of_one = 0, of_x = 0;
    const int64_t first = group * s.per_group;
    for (int64_t c = first; c < first + s.per_group; ++c) {
      of_one += value_at(weight, c, 1) * sums_of(n, c)[0];
      of_x += value_at(weight, c, 1) * sums_of(n, c)[1];
    }
    const auto r = static_cast<double>(rstd[n * s.groups + group]);
    const T slope = static_cast<T>(r * r * r * of_x / s.count()),
            shift = static_cast<T>(r * of_one / s.count());
    for (int64_t c = first; c < first + s.per_group; ++c)
      f(c, Terms{static_cast<T>(r * value_at(weight, c, 1)), slope, shift});
  }
  void planes() {
    s.over_groups([&](int64_t n, int64_t group) {
      const T m = mean[n * s.groups + group];
      const auto plane = [&](int64_t c) { return (n * s.channels + c) * s.inner; };
      for (int64_t c = group * s.per_group; c < (group + 1) * s.per_group; ++c)
        kernels.grad_sums(g + plane(c), x + plane(c), s.inner, m, sums_of(n, c));
      over_terms(n, group, [&](int64_t c, const Terms& t) {
        kernels.grad_apply(g + plane(c), x + plane(c), s.inner, m, t.scale, t.slope, t.shift, dx + plane(c));
      });
    });
  }
  void rows() {
    s.over_samples([&](int64_t n) {
      const int64_t channels = s.channels, parts = s.row_parts(), start = n * s.sample();
      std::vector<T> arrays(static_cast<size_t>(4 * channels));
      T *means = arrays.data(), *scales = means + channels, *slopes = scales + channels,
        *shifts = slopes + channels;
      for (int64_t c = 0; c < channels; ++c) means[c] = mean[n * s.groups + c / s.per_group];
      std::vector<double> own(static_cast<size_t>(parts * channels * 2));
      s.over_row_parts([&](int64_t p, int64_t first, int64_t rows) {
        double* part = own.data() + p * 2 * channels;
        const int64_t at = start + first * channels;
        kernels.grad_sums_of_rows(g + at, x + at, rows, channels, means, part, part + channels);
      });
      for (int64_t c = 0; c < channels; ++c)
        for (int64_t p = 0; p < parts; ++p) {
          sums_of(n, c)[0] += own[static_cast<size_t>(p * 2 * channels + c)];
          sums_of(n, c)[1] += own[static_cast<size_t>((p * 2 + 1) * channels + c)];
        }
      for (int64_t group = 0; group < s.groups; ++group)
        over_terms(n, group, [&](int64_t c, const Terms& t) {
          scales[c] = t.scale;
          slopes[c] = t.slope;
          shifts[c] = t.shift;
        });
      s.over_row_parts([&](int64_t, int64_t first, int64_t rows) {
        const int64_t at = start + first * channels;
        kernels.grad_apply_to_rows(g + at, x + at, rows, channels, means, scales, slopes, shifts, dx + at);
      });
    });
  }
  void parameters() {
    for (int64_t c = 0; c < s.channels; ++c) {
      double of_one = 0, of_x = 0;
      for (int64_t n = 0; n < s.batch; ++n) {
        of_one += sums_of(n, c)[0];
        of_x += sums_of(n, c)[1] * static_cast<double>(rstd[n * s.groups + c / s.per_group]);
      }
      dweight[c] = static_cast<T>(of_x);
      dbias[c] = static_cast<T>(of_one);
    }
  }
};

}  // namespace

void group_norm(const Tensor& y, const Tensor& mean, const Tensor& rstd, const Tensor& x, int64_t groups,
                const Tensor& weight, const Tensor& bias, double eps) {
  if (x.numel() == 0) {  // zeros, so that gradients of weights are zeros
    for (const Tensor* t : {&mean, &rstd})
      if (t->numel()) copy_into(*t, wrapped_scalar(0));
    return;
  }
  const DType dtype = mean.dtype();
  const ChannelLayout layout = channel_layout(y);
  const Tensor to = target_in(y, layout, dtype), from = in_layout(x, layout, dtype), w = dense(weight, dtype),
               b = dense(bias, dtype);
  with_kernels(dtype, [&]<class T>(const ChannelNorm<T>& kernels) {
    const Forward<T> forward{.kernels = kernels,
                             .s = Shape(x, groups),
                             .y = to.data<T>(),
                             .mean = mean.data<T>(),
                             .rstd = rstd.data<T>(),
                             .x = from.data<T>(),
                             .weight = pointer<T>(w),
                             .bias = pointer<T>(b),
                             .eps = eps};
    layout == ChannelLayout::Rows ? forward.rows() : forward.planes();
  });
  if (!to.same(y)) copy(y, to);
}

void group_norm_backward(const Tensor& dx, const Tensor& dweight, const Tensor& dbias, const Tensor& dy,
                         const Tensor& x, const Tensor& mean, const Tensor& rstd, const Tensor& weight) {
  const DType dtype = mean.dtype();
  const ChannelLayout layout = channel_layout(dx);
  const Tensor to = target_in(dx, layout, dtype), g = in_layout(dy, layout, dtype),
               from = in_layout(x, layout, dtype), m = dense(mean, dtype), r = dense(rstd, dtype),
               w = dense(weight, dtype), dw = dense_target(dweight, dtype), db = dense_target(dbias, dtype);
  with_kernels(dtype, [&]<class T>(const ChannelNorm<T>& kernels) {
    Backward<T> backward{.kernels = kernels,
                         .s = Shape(x, mean.sizes()[1]),
                         .dx = to.data<T>(),
                         .dweight = dw.data<T>(),
                         .dbias = db.data<T>(),
                         .g = g.data<T>(),
                         .x = from.data<T>(),
                         .mean = m.data<T>(),
                         .rstd = r.data<T>(),
                         .weight = pointer<T>(w)};
    backward.sums.resize(static_cast<size_t>(backward.s.batch * backward.s.channels * 2));
    if (x.numel() > 0) layout == ChannelLayout::Rows ? backward.rows() : backward.planes();
    backward.parameters();
  });
  for (const auto& [result, computed] : {std::pair{&dx, &to}, {&dweight, &dw}, {&dbias, &db}})
    if (!computed->same(*result)) copy(*result, *computed);
}

}  // namespace plait::cpu
