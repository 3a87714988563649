// A thread finds the pixels around one place and their weights, in registers, and goes through channels with
// them; neighbouring threads have neighbouring places, so that results are written in whole lines. Where
// there are few places the channels are shared among blocks.
#include "cuda/kernels/grid_sample.h"

#include "cuda/device/atomics.cuh"
#include "cuda/device/launch.cuh"
#include "cuda/device/row_math.cuh"
#include "cuda/kernels/visit_float.cuh"

namespace plait::cuda {
namespace {

constexpr int kThreads = 256;
constexpr int64_t kManyThreads = 1 << 18;  // which keep every GPU busy

template <GridMode Mode>
inline constexpr int kTaps = Mode == GridMode::Nearest  ? 1
                             : Mode == GridMode::Linear ? 2
                                                        : 4;

__device__ __forceinline__ float mul_rn(float a, float b) { return __fmul_rn(a, b); }
__device__ __forceinline__ double mul_rn(double a, double b) { return __dmul_rn(a, b); }
__device__ __forceinline__ float floor_of(float x) { return floorf(x); }
__device__ __forceinline__ double floor_of(double x) { return floor(x); }
__device__ __forceinline__ float round_of(float x) { return rintf(x); }
__device__ __forceinline__ double round_of(double x) { return rint(x); }
__device__ __forceinline__ float abs_of(float x) { return fabsf(x); }
__device__ __forceinline__ double abs_of(double x) { return fabs(x); }

// Pixels along one axis, with weights and the derivatives of these by the grid's coordinate.
template <class O, int Taps>
struct Along {
  int64_t at[Taps];  // -1: outside, where nothing counts
  O weight[Taps], slope[Taps];
};

// x inside the image; `sign` is what a step of x is multiplied by, 0 from the edges on.
template <class O>
__device__ __forceinline__ O padded(O x, GridPadding padding, O low, O span, O last, O& sign) {
  sign = 1;
  if (padding == GridPadding::Zeros) return x;
  if (padding == GridPadding::Reflection) {
    const O away = x - low, distance = abs_of(away), flips = floor_of(distance / span);
    const O extra = distance - flips * span, half = flips * O(0.5);
    const bool odd = floor_of(half) != half;
    sign = (away < 0) != odd ? O(-1) : O(1);
    x = odd ? span - extra + low : extra + low;
  }
  if (x > 0 && x < last) return x;
  sign = 0;
  return x >= last ? last : O(0);  // NaN: the first pixel
}

// R. Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -3/4: weights of
// pixels up to one away, and up to two, with their derivatives.
template <class O>
struct Keys {
  static constexpr O a = O(-0.75);
  static __device__ __forceinline__ O near(O d) { return ((a + 2) * d - (a + 3)) * d * d + 1; }
  static __device__ __forceinline__ O beyond(O d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; }
  static __device__ __forceinline__ O near_slope(O d) { return (3 * (a + 2) * d - 2 * (a + 3)) * d; }
  static __device__ __forceinline__ O beyond_slope(O d) { return (3 * a * d - 10 * a) * d + 8 * a; }
};

template <GridMode Mode, class O>
__device__ __forceinline__ Along<O, kTaps<Mode>> along(O coordinate, int64_t size, GridPadding padding,
                                                       bool align_corners) {
  Along<O, kTaps<Mode>> to;
  const O last = static_cast<O>(size - 1), low = align_corners ? O(0) : O(-0.5),
          span = static_cast<O>(align_corners ? size - 1 : size), factor = span / 2;
  // Each operation rounded on its own, as on the CPU: which pixel is nearest is a matter of rounding.
  const O x = (mul_rn(coordinate + 1, span) - (align_corners ? O(0) : O(1))) / 2;
  const auto put = [&](int tap, O pixel, O weight, O slope) {
    int64_t at = pixel >= 0 && pixel <= last ? static_cast<int64_t>(pixel) : -1;  // NaN: outside
    if (at >= size) at = -1;
    to.at[tap] = at;
    to.weight[tap] = at < 0 ? O(0) : weight;
    to.slope[tap] = at < 0 ? O(0) : slope;
  };
  O sign;
  if constexpr (Mode == GridMode::Nearest) {
    put(0, round_of(padded(x, padding, low, span, last, sign)), O(1), O(0));
  } else if constexpr (Mode == GridMode::Linear) {
    const O v = padded(x, padding, low, span, last, sign), whole = floor_of(v), far = v - whole;
    put(0, whole, 1 - far, -sign * factor);
    put(1, whole + 1, far, sign * factor);
  } else {
    using K = Keys<O>;
    const O whole = floor_of(x), far = x - whole;
    const auto pixel = [&](O by) { return padded(whole + by, padding, low, span, last, sign); };
    put(0, pixel(-1), K::beyond(far + 1), factor * K::beyond_slope(far + 1));
    put(1, pixel(0), K::near(far), factor * K::near_slope(far));
    put(2, pixel(1), K::near(1 - far), -factor * K::near_slope(1 - far));
    put(3, pixel(2), K::beyond(2 - far), -factor * K::beyond_slope(2 - far));
  }
  return to;
}

// What one thread works on: a place of an image, and all channels or a part of them.
struct Part {
  int64_t image, place;
  int64_t begin, end;
};
__device__ __forceinline__ bool locate(const GridSamplePlan& p, Part& part) {
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= p.batch * p.places) return false;
  part.image = i / p.places;
  part.place = i - part.image * p.places;
  const int64_t share = (p.channels + gridDim.y - 1) / gridDim.y;
  part.begin = blockIdx.y * share;
  part.end = part.begin + share < p.channels ? part.begin + share : p.channels;
  return part.begin < part.end;
}

// The corners of a place: products over the axes.
template <class O, GridMode Mode, int Rank>
struct Corners {
  static constexpr int kSide = kTaps<Mode>;
  Along<O, kSide> axes[Rank];

  template <class T>
  __device__ __forceinline__ Corners(const GridSamplePlan& p, const T* grid, const Part& part) {
    const T* at = grid + (part.image * p.places + part.place) * Rank;
#pragma unroll
    for (int d = 0; d < Rank; ++d)
      axes[d] = along<Mode>(to_op(at[d]), p.sizes[d], p.padding, p.align_corners);
  }
  // f(offset, a, b, c) for the corners inside, by their taps along x, y and z. `strides`: of the axes.
  template <class F>
  __device__ __forceinline__ void each(const int64_t* strides, const F& f) const {
#pragma unroll
    for (int c = 0; c < (Rank == 3 ? kSide : 1); ++c)
#pragma unroll
      for (int b = 0; b < kSide; ++b)
#pragma unroll
        for (int a = 0; a < kSide; ++a) {
          int64_t offset = axes[0].at[a] * strides[0] + axes[1].at[b] * strides[1];
          int64_t inside = axes[0].at[a] | axes[1].at[b];
          if constexpr (Rank == 3) {
            offset += axes[2].at[c] * strides[2];
            inside |= axes[2].at[c];
          }
          if (inside >= 0) f(offset, a, b, c);
        }
  }
  __device__ __forceinline__ O weight(int a, int b, int c) const {
    O w = axes[0].weight[a] * axes[1].weight[b];
    if constexpr (Rank == 3) w *= axes[2].weight[c];
    return w;
  }
  // The derivative of the weight along axis d.
  __device__ __forceinline__ O slope(int d, int a, int b, int c) const {
    O s = (d == 0 ? axes[0].slope[a] : axes[0].weight[a]) * (d == 1 ? axes[1].slope[b] : axes[1].weight[b]);
    if constexpr (Rank == 3) s *= d == 2 ? axes[2].slope[c] : axes[2].weight[c];
    return s;
  }
};

template <class T, GridMode Mode, int Rank>
__global__ void __launch_bounds__(kThreads) sample(const GridSamplePlan p, const T* x, const T* grid, T* y) {
  using O = opmath_t<T>;
  Part part;
  if (!locate(p, part)) return;
  const Corners<O, Mode, Rank> corners(p, grid, part);
  const T* image = x + part.image * p.input[0];
  T* to = y + part.image * p.channels * p.places + part.place;
  for (int64_t channel = part.begin; channel < part.end; ++channel) {
    const T* plane = image + channel * p.input[1];
    O sum = 0;
    corners.each(p.input + 2, [&](int64_t offset, int a, int b, int c) {
      sum += corners.weight(a, b, c) * to_op(plane[offset]);
    });
    to[channel * p.places] = from_op<T>(sum);
  }
}

template <class T, GridMode Mode, int Rank>
__global__ void __launch_bounds__(kThreads)
    input_gradient(const GridSamplePlan p, const T* dy, const T* grid, opmath_t<T>* dx) {
  using O = opmath_t<T>;
  Part part;
  if (!locate(p, part)) return;
  const Corners<O, Mode, Rank> corners(p, grid, part);
  O* image = dx + part.image * p.input[0];
  const T* from = dy + part.image * p.channels * p.places + part.place;
  for (int64_t channel = part.begin; channel < part.end; ++channel) {
    O* plane = image + channel * p.input[1];
    const O g = to_op(from[channel * p.places]);
    corners.each(p.input + 2, [&](int64_t offset, int a, int b, int c) {
      atomic_add(plane + offset, corners.weight(a, b, c) * g);
    });
  }
}

template <class T, GridMode Mode, int Rank>
__global__ void __launch_bounds__(kThreads)
    grid_gradient(const GridSamplePlan p, const T* dy, const T* x, const T* grid, T* dgrid) {
  using O = opmath_t<T>;
  Part part;
  if (!locate(p, part)) return;
  O sums[Rank] = {};
  if constexpr (Mode != GridMode::Nearest) {
    const Corners<O, Mode, Rank> corners(p, grid, part);
    const T* image = x + part.image * p.input[0];
    const T* from = dy + part.image * p.channels * p.places + part.place;
    for (int64_t channel = 0; channel < p.channels; ++channel) {
      const T* plane = image + channel * p.input[1];
      const O g = to_op(from[channel * p.places]);
      corners.each(p.input + 2, [&](int64_t offset, int a, int b, int c) {
        const O value = g * to_op(plane[offset]);
#pragma unroll
        for (int d = 0; d < Rank; ++d) sums[d] += corners.slope(d, a, b, c) * value;
      });
    }
  }
  T* to = dgrid + (part.image * p.places + part.place) * Rank;
#pragma unroll
  for (int d = 0; d < Rank; ++d) to[d] = from_op<T>(sums[d]);
}

template <class T, GridMode Mode, int Rank>
__global__ void __launch_bounds__(kThreads)
    find_keys(const GridSamplePlan p, const T* grid, uint64_t* keys, uint32_t* order, opmath_t<T>* weights) {
  using O = opmath_t<T>;
  using C = Corners<O, Mode, Rank>;
  Part part;
  if (!locate(p, part)) return;
  const C corners(p, grid, part);
  const int64_t pixels = p.sizes[0] * p.sizes[1] * p.sizes[2];
  const int64_t strides[3] = {1, p.sizes[0], p.sizes[0] * p.sizes[1]};
  const int64_t step = p.batch * p.places, own = part.image * p.places + part.place;
  constexpr int kCorners = C::kSide * C::kSide * (Rank == 3 ? C::kSide : 1);
#pragma unroll
  for (int k = 0; k < kCorners; ++k) {
    keys[k * step + own] = static_cast<uint64_t>(p.batch * pixels);
    order[k * step + own] = static_cast<uint32_t>(k * step + own);
  }
  corners.each(strides, [&](int64_t offset, int a, int b, int c) {
    const int64_t at = ((c * C::kSide + b) * C::kSide + a) * step + own;
    keys[at] = static_cast<uint64_t>(part.image * pixels + offset);
    weights[at] = corners.weight(a, b, c);
  });
}

// A thread sums what one pixel gets in one channel: that of the first of its entries.
template <class T>
__global__ void __launch_bounds__(kThreads)
    sum_sorted(const GridSamplePlan p, const uint64_t* keys, const uint32_t* order, int64_t n,
               const opmath_t<T>* weights, const T* dy, opmath_t<T>* dx) {
  using O = opmath_t<T>;
  const int64_t i = static_cast<int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= n * p.channels) return;
  const int64_t channel = i / n;
  int64_t e = i - channel * n;
  const uint64_t key = keys[e];
  const int64_t step = p.batch * p.places, pixels = p.sizes[0] * p.sizes[1] * p.sizes[2];
  const auto at = static_cast<int64_t>(key);
  if (at >= p.batch * pixels || (e > 0 && keys[e - 1] == key)) return;
  O sum = 0;
  for (; e < n && keys[e] == key; ++e) {
    const int64_t own = order[e] % step, image = own / p.places, place = own - image * p.places;
    sum += weights[order[e]] * to_op(dy[(image * p.channels + channel) * p.places + place]);
  }
  const int64_t image = at / pixels, pixel = at - image * pixels;
  const int64_t z = pixel / (p.sizes[0] * p.sizes[1]), y = pixel / p.sizes[0] % p.sizes[1];
  dx[image * p.input[0] + channel * p.input[1] + pixel % p.sizes[0] * p.input[2] + y * p.input[3] +
     z * p.input[4]] = sum;
}

// Calls f.template operator()<T, Mode, Rank>().
template <class F>
void with_types(const GridSamplePlan& p, const F& f) {
  visit_float(p.dtype, [&]<class T>() {
    const auto with_mode = [&]<GridMode Mode>() {
      if (p.rank == 2) return f.template operator()<T, Mode, 2>();
      if constexpr (Mode != GridMode::Cubic) f.template operator()<T, Mode, 3>();
    };
    switch (p.mode) {
      case GridMode::Linear: return with_mode.template operator()<GridMode::Linear>();
      case GridMode::Nearest: return with_mode.template operator()<GridMode::Nearest>();
      case GridMode::Cubic: return with_mode.template operator()<GridMode::Cubic>();
    }
  });
}

// A thread a place, for all channels or for one of `shares` parts of them.
LaunchConfig config_of(const GridSamplePlan& p, bool shared) {
  const int64_t places = p.batch * p.places;
  int64_t shares = 1;
  while (shared && shares * places < kManyThreads && shares < p.channels && shares < 1 << 15) shares *= 2;
  return {dim3(static_cast<unsigned>(ceil_div(places, kThreads)), static_cast<unsigned>(shares)),
          dim3(kThreads)};
}

}  // namespace

void grid_sample(const GridSamplePlan& p, const void* x, const void* grid, void* y) {
  with_types(p, [&]<class T, GridMode Mode, int Rank>() {
    launch(sample<T, Mode, Rank>, config_of(p, true), p, static_cast<const T*>(x),
           static_cast<const T*>(grid), static_cast<T*>(y));
  });
}

void grid_sample_input(const GridSamplePlan& p, const void* dy, const void* grid, void* dx) {
  with_types(p, [&]<class T, GridMode Mode, int Rank>() {
    launch(input_gradient<T, Mode, Rank>, config_of(p, true), p, static_cast<const T*>(dy),
           static_cast<const T*>(grid), static_cast<opmath_t<T>*>(dx));
  });
}

void grid_sample_grid(const GridSamplePlan& p, const void* dy, const void* x, const void* grid, void* dgrid) {
  with_types(p, [&]<class T, GridMode Mode, int Rank>() {
    launch(grid_gradient<T, Mode, Rank>, config_of(p, false), p, static_cast<const T*>(dy),
           static_cast<const T*>(x), static_cast<const T*>(grid), static_cast<T*>(dgrid));
  });
}

int corners_of(const GridSamplePlan& p) {
  const int side = p.mode == GridMode::Nearest ? 1 : p.mode == GridMode::Linear ? 2 : 4;
  return p.rank == 3 ? side * side * side : side * side;
}

void grid_sample_keys(const GridSamplePlan& p, const void* grid, uint64_t* keys, uint32_t* order,
                      void* weights) {
  with_types(p, [&]<class T, GridMode Mode, int Rank>() {
    launch(find_keys<T, Mode, Rank>, config_of(p, false), p, static_cast<const T*>(grid), keys, order,
           static_cast<opmath_t<T>*>(weights));
  });
}

void grid_sample_sums(const GridSamplePlan& p, const uint64_t* keys, const uint32_t* order, int64_t n,
                      const void* weights, const void* dy, void* dx) {
  visit_float(p.dtype, [&]<class T>() {
    launch(sum_sorted<T>, {dim3(static_cast<unsigned>(ceil_div(n * p.channels, kThreads))), dim3(kThreads)},
           p, keys, order, n, static_cast<const opmath_t<T>*>(weights), static_cast<const T*>(dy),
           static_cast<opmath_t<T>*>(dx));
  });
}

}  // namespace plait::cuda
