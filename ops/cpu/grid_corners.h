// The pixels around places of a grid, and their weights, for blocks of places. For *.isa.cpp files;
// everything here has internal linkage.
#pragma once

#include "ops/cpu/grid_sample.h"
#include "ops/cpu/vecmath/base.h"
#include "plait/inline.h"

namespace plait::cpu {
namespace {

constexpr int kPlaces = 64;  // of a block
constexpr int kMostTaps = 4, kMostCorners = 16;

// Along one axis: pixels, their weights, and the derivatives of these by the grid's coordinate.
template <class T>
struct Along {
  int32_t at[kMostTaps][kPlaces];  // -1: outside, where nothing counts
  T weight[kMostTaps][kPlaces], slope[kMostTaps][kPlaces];
};

// Around places: the numbers of pixels in their plane, and the products of the above.
template <class T>
struct Corners {
  int32_t at[kMostCorners][kPlaces];
  T weight[kMostCorners][kPlaces], slope[3][kMostCorners][kPlaces];
};

// A coordinate mirrored into the image, at the centres of the outer pixels or at their outer edges. `sign` is
// what a step of the coordinate is multiplied by. NaN where there is nothing to mirror in, or infinity.
template <class T>
PLAIT_INLINE T reflected(T x, T low, T span, T& sign) {
  const T away = x - low, distance = vec::abs(away);
  const T flips = vec::floor(distance / span), half = flips * T(0.5);
  const T extra = distance - flips * span;
  const bool odd = vec::floor(half) != half;
  sign = vec::select((away < 0) != odd, T(-1), T(1));
  return vec::select(odd, span - extra + low, extra + low);
}

// R. Keys, "Cubic convolution interpolation for digital image processing" (1981), with a = -3/4: weights of
// pixels up to one away, and up to two, with their derivatives.
template <class T>
struct Keys {
  static constexpr T a = T(-0.75);
  static PLAIT_INLINE T near(T d) { return ((a + 2) * d - (a + 3)) * d * d + 1; }
  static PLAIT_INLINE T beyond(T d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; }
  static PLAIT_INLINE T near_slope(T d) { return (3 * (a + 2) * d - 2 * (a + 3)) * d; }
  static PLAIT_INLINE T beyond_slope(T d) { return (3 * a * d - 10 * a) * d + 8 * a; }
};

// `coordinates`: those of a block along this axis. All loops are over whole blocks, so that they are vectors.
template <GridMode Mode, GridPadding Padding, bool Slopes, class T>
__attribute__((noinline)) void find_along(const T* coordinates, int64_t size, bool align_corners,
                                          Along<T>& to) {
  // The last pixel, in T: where that has too few digits, a little before it.
  const T last = static_cast<T>(sizeof(T) == 4 && size > (1 << 24) ? (size - 1) & ~int64_t{255} : size - 1);
  const T low = align_corners ? T(0) : T(-0.5), span = static_cast<T>(align_corners ? size - 1 : size);
  const T factor = span / 2;
  T x[kPlaces];
  // Each operation rounded on its own, on every machine: which pixel is nearest is a matter of rounding. So
  // the compiler must not see product and sum together.
  for (int i = 0; i < kPlaces; ++i) x[i] = (coordinates[i] + 1) * span;
  asm volatile("" ::: "memory");
  const T shift = align_corners ? T(0) : T(1);
  for (int i = 0; i < kPlaces; ++i) x[i] = (x[i] - shift) / 2;
  asm volatile("" ::: "memory");

  // Into the image, by the padding; steps are multiplied by `sign`, which is 0 from the edges on.
  const auto pad = [&](T v, T & sign) __attribute__((always_inline)) {
    sign = 1;
    if constexpr (Padding == GridPadding::Reflection) v = reflected(v, low, span, sign);
    if constexpr (Padding != GridPadding::Zeros) {
      const bool within = v > 0 && v < last;  // not NaN
      sign = vec::select(within, sign, T(0));
      v = vec::select(within, v, vec::select(v >= last, last, T(0)));
    }
    return v;
  };
  const auto put = [&](int tap, int i, T pixel, T weight, T slope) __attribute__((always_inline)) {
    const bool inside = pixel >= 0 && pixel <= last;  // not NaN
    to.at[tap][i] = static_cast<int32_t>(vec::select(inside, pixel, T(-1)));
    to.weight[tap][i] = vec::select(inside, weight, T(0));
    if constexpr (Slopes) to.slope[tap][i] = vec::select(inside, slope, T(0));
  };
  T sign;
  if constexpr (Mode == GridMode::Nearest) {
    for (int i = 0; i < kPlaces; ++i) put(0, i, vec::round(pad(x[i], sign)), T(1), T(0));
  } else if constexpr (Mode == GridMode::Linear) {
    for (int i = 0; i < kPlaces; ++i) {
      T turn;
      const T v = pad(x[i], turn), whole = vec::floor(v), far = v - whole;
      put(0, i, whole, 1 - far, -turn * factor);
      put(1, i, whole + 1, far, turn * factor);
    }
  } else {
    using K = Keys<T>;
    for (int i = 0; i < kPlaces; ++i) {
      const T whole = vec::floor(x[i]), far = x[i] - whole;
      put(0, i, pad(whole - 1, sign), K::beyond(far + 1), factor * K::beyond_slope(far + 1));
      put(1, i, pad(whole, sign), K::near(far), factor * K::near_slope(far));
      put(2, i, pad(whole + 1, sign), K::near(1 - far), -factor * K::near_slope(1 - far));
      put(3, i, pad(whole + 2, sign), K::beyond(2 - far), -factor * K::beyond_slope(2 - far));
    }
  }
}

template <bool Slopes, class T>
void find_along(const GridImage& image, const T* coordinates, int64_t size, Along<T>& to) {
  const auto padded = [&]<GridMode Mode>() {
    switch (image.padding) {
      case GridPadding::Zeros:
        return find_along<Mode, GridPadding::Zeros, Slopes>(coordinates, size, image.align_corners, to);
      case GridPadding::Border:
        return find_along<Mode, GridPadding::Border, Slopes>(coordinates, size, image.align_corners, to);
      case GridPadding::Reflection:
        return find_along<Mode, GridPadding::Reflection, Slopes>(coordinates, size, image.align_corners, to);
    }
  };
  switch (image.mode) {
    case GridMode::Linear: return padded.template operator()<GridMode::Linear>();
    case GridMode::Nearest: return padded.template operator()<GridMode::Nearest>();
    case GridMode::Cubic: return padded.template operator()<GridMode::Cubic>();
  }
}

// Products over the axes, x innermost. What is outside has weights and slopes of zero.
template <int Taps, int Rank, bool Slopes, class T>
void multiply(const Along<T>* axes, const int64_t* sizes, Corners<T>& to) {
  const Along<T>&x = axes[0], &y = axes[1], &z = axes[Rank - 1];
  const auto width = static_cast<int32_t>(sizes[0]), height = static_cast<int32_t>(sizes[1]);
  for (int c = 0; c < (Rank == 3 ? Taps : 1); ++c)
    for (int b = 0; b < Taps; ++b) {
      int32_t rows[kPlaces], outside[kPlaces];
      T across[kPlaces];  // the weights of the other axes
      for (int i = 0; i < kPlaces; ++i) {
        rows[i] = Rank == 3 ? z.at[c][i] * height + y.at[b][i] : y.at[b][i];
        outside[i] = Rank == 3 ? z.at[c][i] | y.at[b][i] : y.at[b][i];
        across[i] = Rank == 3 ? z.weight[c][i] * y.weight[b][i] : y.weight[b][i];
      }
      for (int a = 0; a < Taps; ++a) {
        const int k = (c * Taps + b) * Taps + a;
        for (int i = 0; i < kPlaces; ++i)
          to.at[k][i] = (rows[i] * width + x.at[a][i]) | (outside[i] | x.at[a][i]) >> 31;
        for (int i = 0; i < kPlaces; ++i) to.weight[k][i] = across[i] * x.weight[a][i];
        if constexpr (Slopes) {
          for (int i = 0; i < kPlaces; ++i) to.slope[0][k][i] = across[i] * x.slope[a][i];
          for (int i = 0; i < kPlaces; ++i) {
            const T part = y.slope[b][i] * x.weight[a][i];
            to.slope[1][k][i] = Rank == 3 ? part * z.weight[c][i] : part;
          }
          if constexpr (Rank == 3)
            for (int i = 0; i < kPlaces; ++i)
              to.slope[2][k][i] = z.slope[c][i] * y.weight[b][i] * x.weight[a][i];
        }
      }
    }
}

// The coordinates of n <= kPlaces places, and zeros behind, an axis at a time.
template <int Rank, class T>
PLAIT_INLINE void split_axes(const T* grid, int64_t n, T (*to)[kPlaces]) {
  T rest[kPlaces * Rank];
  if (n < kPlaces) {
    for (int64_t i = 0; i < n * Rank; ++i) rest[i] = grid[i];
    for (int64_t i = n * Rank; i < kPlaces * Rank; ++i) rest[i] = 0;
    grid = rest;
  }
  for (int i = 0; i < kPlaces; ++i)
    for (int axis = 0; axis < Rank; ++axis) to[axis][i] = grid[i * Rank + axis];
}

// The corners of n <= kPlaces places.
template <bool Slopes, class T>
void find_corners(const GridImage& image, const T* grid, int64_t n, Corners<T>& to) {
  T coordinates[3][kPlaces];
  image.rank == 2 ? split_axes<2>(grid, n, coordinates) : split_axes<3>(grid, n, coordinates);
  Along<T> axes[3];
  for (int axis = 0; axis < image.rank; ++axis)
    find_along<Slopes>(image, coordinates[axis], image.sizes[axis], axes[axis]);
  const auto with_rank = [&]<int Taps>() {
    if (image.rank == 2) return multiply<Taps, 2, Slopes>(axes, image.sizes, to);
    if constexpr (Taps < 4) multiply<Taps, 3, Slopes>(axes, image.sizes, to);
  };
  switch (image.mode) {
    case GridMode::Linear: return with_rank.template operator()<2>();
    case GridMode::Nearest: return with_rank.template operator()<1>();
    case GridMode::Cubic: return with_rank.template operator()<4>();
  }
}

// Calls f.template operator()<K>() with the number of corners of a place.
template <class F>
PLAIT_INLINE void with_corners(const GridImage& image, const F& f) {
  switch (image.mode) {
    case GridMode::Linear: return image.rank == 2 ? f.template operator()<4>() : f.template operator()<8>();
    case GridMode::Nearest: return f.template operator()<1>();
    case GridMode::Cubic: return f.template operator()<16>();
  }
}

}  // namespace
}  // namespace plait::cpu
