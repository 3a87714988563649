#include "ops/cpu/pool.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "core/parallel.h"
#include "ops/cpu/convert.h"
#include "ops/cpu/depthwise_plan.h"
#include "ops/cpu/pool_rows.h"
#include "ops/cpu/workspace.h"

namespace plait::cpu {
namespace {

constexpr int64_t kGrain = 16384;  // elements

Tensor to_contiguous(const Tensor& t, DType dtype) {
  if (t.is_contiguous() && t.dtype() == dtype) return t;
  const Tensor out = empty_tensor(t.sizes(), dtype);
  copy(out, t);
  return out;
}
DType compute_dtype(DType d) {
  if (!is_floating(d)) return DType::Int64;
  return d == DType::Float64 ? DType::Float64 : DType::Float32;
}

// The result itself where it is contiguous and of this dtype, else a tensor to be copied into it.
Tensor target(const Tensor& result, DType dtype) {
  return result.is_contiguous() && result.dtype() == dtype ? result : empty_tensor(result.sizes(), dtype);
}
void deliver(const Tensor& result, const Tensor& computed) {
  if (!computed.same(result)) copy(result, computed);
}

template <class F>
void with_float_type(DType dtype, const F& f) {
  dtype == DType::Float64 ? f.template operator()<double>() : f.template operator()<float>();
}
template <class F>
void with_compute_type(DType dtype, const F& f) {
  dtype == DType::Int64 ? f.template operator()<int64_t>() : with_float_type(dtype, f);
}

// What no element is less than: the padding of maxima.
template <class T>
T lowest(DType dtype) {
  if constexpr (std::is_floating_point_v<T>)
    return -std::numeric_limits<T>::infinity();
  else
    return visit(dtype, []<class E>() {
      if constexpr (std::is_integral_v<E>) return static_cast<T>(std::numeric_limits<E>::lowest());
      return T(0);
    });
}
template <class T>
bool is_nan(T x) {
  if constexpr (std::is_floating_point_v<T>) return x != x;
  return false;
}

// f(plane, first output of the plane) on parts of the planes.
template <class F>
void over_planes(const Tensor& t, int64_t work_per_plane, const F& f) {
  const int64_t planes = t.sizes()[0] * t.sizes()[1];
  parallel_for(0, planes, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work_per_plane)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t p = begin; p < end; ++p) f(p);
               });
}

int64_t plane_size(const Tensor& t) {
  int64_t n = 1;
  for (int d = 2; d < t.sizes().size(); ++d) n *= t.sizes()[d];
  return n;
}
int64_t inputs(const Windows& w) { return w.in[0] * w.in[1] * w.in[2]; }
int64_t outputs(const Windows& w) {
  return static_cast<int64_t>(w.spans[0].size() * w.spans[1].size() * w.spans[2].size());
}

// f(output number, the spans of its window), for the outputs of one plane in order.
template <class F>
inline void over_windows(const Windows& w, const F& f) {
  int64_t at = 0;
  for (const Span& z : w.spans[0])
    for (const Span& y : w.spans[1])
      for (const Span& x : w.spans[2]) f(at++, z, y, x);
}

template <class T>
void max_of_plane(const Windows& w, T padding, const T* x, T* values, int64_t* indices) {
  over_windows(w, [&](int64_t at, const Span& sz, const Span& sy, const Span& sx) {
    T best = padding;
    int64_t where = (sz.begin * w.in[1] + sy.begin) * w.in[2] + sx.begin;
    for (int64_t z = sz.begin; z < sz.end; z += w.step[0])
      for (int64_t y = sy.begin; y < sy.end; y += w.step[1]) {
        const int64_t row = (z * w.in[1] + y) * w.in[2];
        for (int64_t i = sx.begin; i < sx.end; i += w.step[2]) {
          const T value = x[row + i];
          const bool better = value > best || is_nan(value);
          best = better ? value : best;
          where = better ? row + i : where;
        }
      }
    values[at] = best;
    if (indices) indices[at] = where;
  });
}

// A sum in four lanes: shorter chains, smaller errors.
template <class T>
T sum_of_row(const T* x, int64_t n) {
  if (n < 8) {
    T sum = 0;
    for (int64_t i = 0; i < n; ++i) sum += x[i];
    return sum;
  }
  T lanes[4] = {0, 0, 0, 0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4)
    for (int l = 0; l < 4; ++l) lanes[l] += x[i + l];
  for (; i < n; ++i) lanes[0] += x[i];
  return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}

// Integers are cut towards zero, and wrap.
template <class T>
T quotient(T sum, T divisor) {
  return sum / divisor;
}
template <>
int64_t quotient(int64_t sum, int64_t divisor) {
  return divisor == -1 ? static_cast<int64_t>(-static_cast<uint64_t>(sum)) : sum / divisor;
}

template <class T>
T divisor_of(const Windows& w, const Span& z, const Span& y, const Span& x) {
  return static_cast<T>(w.divisor != 0 ? w.divisor : z.divided_by * y.divided_by * x.divided_by);
}

// ---- by vectors, on the buffers of depthwise convolutions

bool by_vectors(const Windows& w) {
  return w.kernel[0] != 0 && inputs(w) < (int64_t{1} << 31) && outputs(w) < (int64_t{1} << 31);
}
DepthwisePlan plan_of(const Windows& w, bool transposed, DType dtype) {
  DepthwiseAxis axes[3];
  for (size_t i = 0; i < 3; ++i) {
    const auto out = static_cast<int64_t>(w.spans[i].size());
    axes[i] = {.from = transposed ? out : w.in[i],
               .to = transposed ? w.in[i] : out,
               .kernel = w.kernel[i],
               .stride = w.stride[i],
               .pad = w.padding[i],
               .dilation = w.step[i],
               .transposed = transposed};
  }
  return DepthwisePlan(axes, itemsize(dtype));
}
const DepthwisePlanes<float>& convolution_of(float) { return depthwise_table().f32; }
const DepthwisePlanes<double>& convolution_of(double) { return depthwise_table().f64; }
const PoolPlanes<float>& pool_of(float) { return pool_table().f32; }
const PoolPlanes<double>& pool_of(double) { return pool_table().f64; }

// f(plane, workspace filled with `padding`), then `extra` elements.
template <class T, class F>
void over_planes_with(const Tensor& t, int64_t work, const Depthwise& plan, int64_t extra, T padding,
                      const F& f) {
  const int64_t planes = t.sizes()[0] * t.sizes()[1], size = plan.workspace + extra;
  parallel_for(0, planes, std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work)),
               [&](int64_t begin, int64_t end) {
                 const Workspace memory(size * static_cast<int64_t>(sizeof(T)));
                 T* data = static_cast<T*>(memory.data());
                 std::fill_n(data, size, padding);
                 for (int64_t p = begin; p < end; ++p) f(p, data);
               });
}

// The divisors of an average: of slices and rows together, and of columns.
template <class T>
struct Divisors {
  std::vector<T> of_rows, of_columns;
  explicit Divisors(const Windows& w) {
    for (const Span& z : w.spans[0])
      for (const Span& y : w.spans[1])
        of_rows.push_back(static_cast<T>(w.divisor != 0 ? w.divisor : z.divided_by * y.divided_by));
    for (const Span& x : w.spans[2]) of_columns.push_back(static_cast<T>(w.divisor != 0 ? 1 : x.divided_by));
  }
  void divide(T* plane) const {
    pool_of(T()).divide(plane, static_cast<int64_t>(of_rows.size()), static_cast<int64_t>(of_columns.size()),
                        of_rows.data(), of_columns.data());
  }
};

// ---- windows side by side

// Whether windows of one size cover the planes (of one slice) without overlap, and what they are divided by.
struct Tiles {
  int64_t rows, columns, height, width;  // of windows along a plane; in elements
  int64_t divisor = 0;                   // 0: they do not

  explicit Tiles(const Windows& w)
      : rows(static_cast<int64_t>(w.spans[1].size())),
        columns(w.in[2]),
        height(w.in[1] / std::max<int64_t>(1, rows)),
        width(w.in[2] / std::max<int64_t>(1, static_cast<int64_t>(w.spans[2].size()))) {
    if (w.in[0] == 1 && w.spans[0].size() == 1 && w.step[1] == 1 && w.step[2] == 1 && rows > 0 && width > 0 &&
        width <= kWidestWindow && columns <= kLongestRow && w.spans[0][0].divided_by == 1 &&
        covers(w.spans[1], w.in[1], height) && covers(w.spans[2], columns, width))
      divisor = w.divisor != 0 ? w.divisor : height * width;
  }

 private:
  static bool covers(const std::vector<Span>& spans, int64_t length, int64_t size) {
    int64_t begin = 0;
    for (const Span& s : spans) {
      if (s.begin != begin || s.end != begin + size || s.divided_by != size) return false;
      begin = s.end;
    }
    return begin == length;
  }
};

// f(begin, end) on parts of the rows of windows of all planes.
template <class F>
void over_rows(const Tiles& tiles, int64_t planes, const F& f) {
  parallel_for(0, planes * tiles.rows, std::max<int64_t>(1, kGrain / (tiles.height * tiles.columns)), f);
}

}  // namespace

void max_pool(const Tensor& y, const Tensor& indices, const Tensor& x, const Windows& windows) {
  if (y.numel() == 0) return;
  const DType dtype = compute_dtype(x.dtype());
  const Tensor from = to_contiguous(x, dtype), to = target(y, dtype),
               places = indices.defined() ? target(indices, DType::Int64) : indices;
  const int64_t in = inputs(windows), out = outputs(windows);
  const Tiles tiles(windows);
  with_compute_type(dtype, [&]<class T>() {
    const T padding = lowest<T>(x.dtype());
    int64_t* const at = places.defined() ? places.data<int64_t>() : nullptr;
    if constexpr (std::is_floating_point_v<T>) {
      if (!at && tiles.divisor != 0) {
        over_rows(tiles, x.sizes()[0] * x.sizes()[1], [&](int64_t begin, int64_t end) {
          pool_of(T()).largest(from.data<T>() + begin * tiles.height * tiles.columns, end - begin,
                               tiles.columns, tiles.height, tiles.width,
                               to.data<T>() + begin * tiles.columns / tiles.width);
        });
        return;
      }
      if (by_vectors(windows) && windows.in[0] == 1 && windows.kernel[0] == 1 && windows.padding[0] == 0) {
        const DepthwisePlan plan = plan_of(windows, false, dtype);
        over_planes_with<T>(x, in, plan, 0, padding, [&](int64_t p, T* memory) {
          const T* plane = from.data<T>() + p * in;
          if (at)
            pool_of(T()).max(plan, plane, to.data<T>() + p * out, at + p * out, memory);
          else
            pool_of(T()).max_values(plan, plane, to.data<T>() + p * out, memory);
        });
        return;
      }
    }
    over_planes(x, in, [&](int64_t p) {
      max_of_plane(windows, padding, from.data<T>() + p * in, to.data<T>() + p * out,
                   at ? at + p * out : nullptr);
    });
  });
  deliver(y, to);
  if (indices.defined()) deliver(indices, places);
}

void max_pool_backward(const Tensor& dx, const Tensor& dy, const Tensor& indices) {
  if (dx.numel() == 0) return;
  const DType dtype = compute_dtype(dx.dtype());
  const Tensor from = to_contiguous(dy, dtype), places = to_contiguous(indices, DType::Int64),
               to = target(dx, dtype);
  const int64_t in = plane_size(dx), out = plane_size(dy);
  with_float_type(dtype, [&]<class T>() {
    over_planes(dx, in, [&](int64_t p) {
      T* plane = to.data<T>() + p * in;
      std::fill_n(plane, in, T(0));
      const T* g = from.data<T>() + p * out;
      const int64_t* at = places.data<int64_t>() + p * out;
      for (int64_t i = 0; i < out; ++i) {
        if (at[i] < 0 || at[i] >= in) [[unlikely]]
          fail<IndexError>("_max_pool_backward: index {} is out of range for a plane of {} elements", at[i],
                           in);
        plane[at[i]] += g[i];
      }
    });
  });
  deliver(dx, to);
}

void avg_pool(const Tensor& y, const Tensor& x, const Windows& windows) {
  if (y.numel() == 0) return;
  const DType dtype = compute_dtype(x.dtype());
  const Tensor from = to_contiguous(x, dtype), to = target(y, dtype);
  const int64_t in = inputs(windows), out = outputs(windows);
  const Tiles tiles(windows);
  with_compute_type(dtype, [&]<class T>() {
    if constexpr (std::is_floating_point_v<T>) {
      if (tiles.divisor != 0) {
        over_rows(tiles, x.sizes()[0] * x.sizes()[1], [&](int64_t begin, int64_t end) {
          pool_of(T()).average(from.data<T>() + begin * tiles.height * tiles.columns, end - begin,
                               tiles.columns, tiles.height, tiles.width, static_cast<T>(tiles.divisor),
                               to.data<T>() + begin * tiles.columns / tiles.width);
        });
        return;
      }
      if (by_vectors(windows)) {
        const DepthwisePlan plan = plan_of(windows, false, dtype);
        const std::vector<T> ones(static_cast<size_t>(plan.filter_size()), T(1));
        const Divisors<T> divisors(windows);
        over_planes_with<T>(x, in, plan, 0, T(0), [&](int64_t p, T* memory) {
          T* result = to.data<T>() + p * out;
          convolution_of(T()).convolve(plan, from.data<T>() + p * in, ones.data(), T(0), false, result,
                                       memory);
          divisors.divide(result);
        });
        return;
      }
    }
    using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, T>;
    over_planes(x, in, [&](int64_t p) {
      const auto* plane = reinterpret_cast<const Sum*>(from.data<T>()) + p * in;
      T* result = to.data<T>() + p * out;
      over_windows(windows, [&](int64_t at, const Span& sz, const Span& sy, const Span& sx) {
        Sum sum = 0;
        for (int64_t z = sz.begin; z < sz.end; ++z)
          for (int64_t r = sy.begin; r < sy.end; ++r)
            sum += sum_of_row(plane + (z * windows.in[1] + r) * windows.in[2] + sx.begin, sx.end - sx.begin);
        result[at] = quotient(static_cast<T>(sum), divisor_of<T>(windows, sz, sy, sx));
      });
    });
  });
  deliver(y, to);
}

void avg_pool_backward(const Tensor& dx, const Tensor& dy, const Windows& windows) {
  if (dx.numel() == 0) return;
  const DType dtype = compute_dtype(dx.dtype());
  const Tensor from = to_contiguous(dy, dtype), to = target(dx, dtype);
  const int64_t in = inputs(windows), out = outputs(windows);
  const Tiles tiles(windows);
  with_float_type(dtype, [&]<class T>() {
    if (tiles.divisor != 0) {
      over_rows(tiles, dx.sizes()[0] * dx.sizes()[1], [&](int64_t begin, int64_t end) {
        pool_of(T()).spread(from.data<T>() + begin * tiles.columns / tiles.width, end - begin, tiles.columns,
                            tiles.height, tiles.width, static_cast<T>(tiles.divisor),
                            to.data<T>() + begin * tiles.height * tiles.columns);
      });
      return;
    }
    if (by_vectors(windows)) {
      const DepthwisePlan plan = plan_of(windows, true, dtype);
      const std::vector<T> ones(static_cast<size_t>(plan.filter_size()), T(1));
      const Divisors<T> divisors(windows);
      over_planes_with<T>(dx, in, plan, out, T(0), [&](int64_t p, T* memory) {
        T* parts = memory + plan.workspace;
        std::copy_n(from.data<T>() + p * out, out, parts);
        divisors.divide(parts);
        convolution_of(T()).convolve(plan, parts, ones.data(), T(0), false, to.data<T>() + p * in, memory);
      });
      return;
    }
    over_planes(dx, in, [&](int64_t p) {
      T* plane = to.data<T>() + p * in;
      std::fill_n(plane, in, T(0));
      const T* g = from.data<T>() + p * out;
      over_windows(windows, [&](int64_t at, const Span& sz, const Span& sy, const Span& sx) {
        const T part = g[at] / divisor_of<T>(windows, sz, sy, sx);
        for (int64_t z = sz.begin; z < sz.end; ++z)
          for (int64_t r = sy.begin; r < sy.end; ++r) {
            T* row = plane + (z * windows.in[1] + r) * windows.in[2];
            for (int64_t i = sx.begin; i < sx.end; ++i) row[i] += part;
          }
      });
    });
  });
  deliver(dx, to);
}

}  // namespace plait::cpu
