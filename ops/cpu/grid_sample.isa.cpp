#include "ops/cpu/grid_sample.h"

#include <type_traits>

#include "ops/cpu/grid_corners.h"
#include "ops/cpu/tile_transpose.h"
#include "ops/cpu/vector_loops.h"

namespace plait::cpu {
namespace {

constexpr int64_t kChannels = 64;  // of a tile (place, channel)

// What stands outside of an image.
template <class T>
alignas(64) constexpr T kNothing[kChannels] = {};

PLAIT_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

// Vectors of the machine's width, then of 16 bytes, then what is left: calls f.template operator()<V>(i) for
// each, V a vector or T.
template <class T, class F>
PLAIT_INLINE void over_width(int64_t width, const F& f) {
  using Small = typename Quad<T>::type;
  constexpr int64_t kSmall = 16 / sizeof(T);
  int64_t i = 0;
  for (; i + kLanes<T> <= width; i += kLanes<T>) f.template operator()<Vec<T>>(i);
  for (; i + kSmall <= width; i += kSmall) f.template operator()<Small>(i);
  for (; i < width; ++i) f.template operator()<T>(i);
}
template <class V, class T>
PLAIT_INLINE V load_as(const T* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof(v));
  return v;
}
template <class T, class V>
PLAIT_INLINE void store_as(T* to, V v) {
  __builtin_memcpy(to, &v, sizeof(v));
}

// A pixel of a plane, without a branch.
template <class T>
PLAIT_INLINE T pixel(const T* plane, int32_t at) {
  const T* from = at < 0 ? kNothing<T> : plane + at;
  return *from;
}

// f(block's first place, number of places, corners) for the blocks of [begin, end).
template <bool Slopes, class T, class F>
PLAIT_INLINE void over_blocks(const GridImage& image, const T* grid, int64_t begin, int64_t end, const F& f) {
  Corners<T> corners;
  for (int64_t first = begin; first < end; first += kPlaces) {
    const int64_t n = least(kPlaces, end - first);
    find_corners<Slopes>(image, grid + first * image.rank, n, corners);
    f(first, n, corners);
  }
}

template <class T>
void to_rows(const GridImage& image, const T* planes, int64_t count, T* rows, int64_t pitch) {
  transpose_tile<Beyond::Fill>(planes, image.pixels(), image.channels, count, rows, pitch);
}
template <class T>
void to_planes(const GridImage& image, const T* rows, int64_t pitch, int64_t count, T* planes) {
  transpose_tile<Beyond::Read>(rows, pitch, count, image.channels, planes, image.pixels());
}

// How far apart the rows of a tile of some width lie: whole vectors.
template <class T>
PLAIT_INLINE int64_t tile_pitch(int64_t width) {
  return (width + kSquare<T> - 1) / kSquare<T> * kSquare<T>;
}

// f(first channel, number of channels, the same in whole vectors where the pitch allows)
template <class F>
PLAIT_INLINE void over_channels(int64_t begin, int64_t end, int64_t channels, int64_t pitch, const F& f) {
  for (int64_t c = begin; c < end; c += kChannels) {
    const int64_t count = least(kChannels, end - c);
    f(c, count, c + count == channels ? least(kChannels, pitch - c) : count);
  }
}

// The rows around place p, from some channel on.
template <int K, class T>
PLAIT_INLINE void rows_around(const Corners<T>& corners, int64_t p, const T* x, int64_t pitch,
                              const T* (&rows)[K]) {
#pragma GCC unroll 16
  for (int k = 0; k < K; ++k) {
    const int64_t at = corners.at[k][p];
    rows[k] = at < 0 ? kNothing<T> : x + at * pitch;
  }
}

// tile[p][i] = the weighted sum of the rows around place p
template <int K, class T>
__attribute__((noinline)) void sum_rows(const Corners<T>& corners, int64_t n, const T* x, int64_t pitch,
                                        int64_t width, T* tile) {
  for (int64_t p = 0; p < n; ++p, tile += tile_pitch<T>(width)) {
    const T* rows[K];
    T weights[K];
    rows_around<K>(corners, p, x, pitch, rows);
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) weights[k] = corners.weight[k][p];
    over_width<T>(
        width, [&]<class V>(int64_t i) __attribute__((always_inline)) {
          V sum = load_as<V>(rows[0] + i) * weights[0];
#pragma GCC unroll 16
          for (int k = 1; k < K; ++k) sum += load_as<V>(rows[k] + i) * weights[k];
          store_as(tile + i, sum);
        });
  }
}

template <class T>
void rows(const GridImage& image, const T* x, int64_t pitch, const T* grid, int64_t begin, int64_t end,
          T* y) {
  alignas(64) T tile[kPlaces * kChannels];
  over_blocks<false>(image, grid, begin, end, [&](int64_t first, int64_t n, const Corners<T>& corners) {
    over_channels(0, image.channels, image.channels, pitch, [&](int64_t c, int64_t count, int64_t width) {
      with_corners(image, [&]<int K>() { sum_rows<K>(corners, n, x + c, pitch, width, tile); });
      transpose_tile<Beyond::Read>(tile, tile_pitch<T>(width), n, count, y + c * image.places + first,
                                   image.places);
    });
  });
}

template <int K, class T>
__attribute__((noinline)) void sum_pixels(const Corners<T>& corners, int64_t n, const T* plane, T* y) {
  for (int64_t p = 0; p < n; ++p) {
    T sum = pixel(plane, corners.at[0][p]) * corners.weight[0][p];
#pragma GCC unroll 16
    for (int k = 1; k < K; ++k) sum += pixel(plane, corners.at[k][p]) * corners.weight[k][p];
    y[p] = sum;
  }
}

template <class T>
void planes(const GridImage& image, const T* x, const T* grid, int64_t begin, int64_t end, T* y) {
  const int64_t pixels = image.pixels();
  over_blocks<false>(image, grid, begin, end, [&](int64_t first, int64_t n, const Corners<T>& corners) {
    with_corners(image, [&]<int K>() {
      for (int64_t c = 0; c < image.channels; ++c)
        sum_pixels<K>(corners, n, x + c * pixels, y + c * image.places + first);
    });
  });
}

// The rows around place p += the tile's row, weighted.
template <int K, class T>
__attribute__((noinline)) void add_rows(const Corners<T>& corners, int64_t n, const T* tile, int64_t width,
                                        T* dx, int64_t pitch) {
  for (int64_t p = 0; p < n; ++p, tile += tile_pitch<T>(width))
    for (int k = 0; k < K; ++k) {
      const int64_t at = corners.at[k][p];
      if (at < 0) continue;
      const T weight = corners.weight[k][p];
      T* row = dx + at * pitch;
      over_width<T>(
          width, [&]<class V>(int64_t i) __attribute__((always_inline)) {
            store_as(row + i, load_as<V>(row + i) + load_as<V>(tile + i) * weight);
          });
    }
}

// Gradients dy of places [first, first + n) and some channels, as a tile of rows that end with zeros.
template <class T>
PLAIT_INLINE void load_tile(const GridImage& image, const T* dy, int64_t first, int64_t n, int64_t c,
                            int64_t count, int64_t width, T* tile) {
  transpose_tile<Beyond::Fill>(dy + c * image.places + first, image.places, count, n, tile,
                               tile_pitch<T>(width));
}

template <class T>
void input_rows(const GridImage& image, const T* dy, const T* grid, int64_t begin, int64_t end, T* dx,
                int64_t pitch) {
  alignas(64) T tile[kPlaces * kChannels];
  over_blocks<false>(image, grid, 0, image.places, [&](int64_t first, int64_t n, const Corners<T>& corners) {
    over_channels(begin, end, image.channels, pitch, [&](int64_t c, int64_t count, int64_t width) {
      load_tile(image, dy, first, n, c, count, width, tile);
      with_corners(image, [&]<int K>() { add_rows<K>(corners, n, tile, width, dx + c, pitch); });
    });
  });
}

template <class T>
void input_planes(const GridImage& image, const T* dy, const T* grid, int64_t begin, int64_t end, T* dx) {
  const int64_t pixels = image.pixels();
  over_blocks<false>(image, grid, 0, image.places, [&](int64_t first, int64_t n, const Corners<T>& corners) {
    with_corners(image, [&]<int K>() {
      for (int64_t c = begin; c < end; ++c) {
        const T* g = dy + c * image.places + first;
        T* plane = dx + c * pixels;
        for (int64_t p = 0; p < n; ++p)
          for (int k = 0; k < K; ++k)
            if (corners.at[k][p] >= 0) plane[corners.at[k][p]] += corners.weight[k][p] * g[p];
      }
    });
  });
}

template <class T, class V>
PLAIT_INLINE T total(V v) {
  constexpr int kCount = sizeof(V) / sizeof(T);
  T parts[kCount];
  store_as(parts, v);
#pragma GCC unroll 8
  for (int half = kCount / 2; half > 0; half /= 2)
#pragma GCC unroll 16
    for (int i = 0; i < half; ++i) parts[i] += parts[i + half];
  return parts[0];
}

// sums[axis][p] += the sum over channels of the tile and the rows around place p, weighted by slopes
template <int K, int Rank, class T>
__attribute__((noinline)) void dot_rows(const Corners<T>& corners, int64_t n, const T* x, int64_t pitch,
                                        const T* tile, int64_t width, T (*sums)[kPlaces]) {
  using Small = typename Quad<T>::type;
  for (int64_t p = 0; p < n; ++p, tile += tile_pitch<T>(width)) {
    const T* rows[K];
    rows_around<K>(corners, p, x, pitch, rows);
    Vec<T> wide[Rank] = {};
    Small narrow[Rank] = {};
    T rest[Rank] = {};
    over_width<T>(
        width, [&]<class V>(int64_t i) __attribute__((always_inline)) {
          V change[Rank] = {};
#pragma GCC unroll 16
          for (int k = 0; k < K; ++k) {
            const V row = load_as<V>(rows[k] + i);
#pragma GCC unroll 3
            for (int d = 0; d < Rank; ++d) change[d] += row * corners.slope[d][k][p];
          }
          const V g = load_as<V>(tile + i);
#pragma GCC unroll 3
          for (int d = 0; d < Rank; ++d) {
            if constexpr (std::is_same_v<V, T>)
              rest[d] += change[d] * g;
            else if constexpr (std::is_same_v<V, Vec<T>>)
              wide[d] += change[d] * g;
            else
              narrow[d] += change[d] * g;
          }
        });
#pragma GCC unroll 3
    for (int d = 0; d < Rank; ++d)
      sums[d][p] += (width >= kLanes<T> ? total<T>(wide[d]) : T(0)) + total<T>(narrow[d]) + rest[d];
  }
}

template <int K, int Rank, class T>
__attribute__((noinline)) void dot_pixels(const Corners<T>& corners, int64_t n, const T* plane, const T* g,
                                          T (*sums)[kPlaces]) {
  for (int64_t p = 0; p < n; ++p) {
    T change[Rank] = {};
#pragma GCC unroll 16
    for (int k = 0; k < K; ++k) {
      const T value = pixel(plane, corners.at[k][p]);
#pragma GCC unroll 3
      for (int d = 0; d < Rank; ++d) change[d] += value * corners.slope[d][k][p];
    }
#pragma GCC unroll 3
    for (int d = 0; d < Rank; ++d) sums[d][p] += change[d] * g[p];
  }
}

template <class F>
PLAIT_INLINE void with_rank(const GridImage& image, const F& f) {
  with_corners(image, [&]<int K>() {
    if (image.rank == 2) return f.template operator()<K, 2>();
    if constexpr (K == 8) f.template operator()<K, 3>();  // the others have no slopes
  });
}

// dgrid of blocks, whose sums f(first, n, corners, sums) adds up.
template <class T, class F>
PLAIT_INLINE void over_sums(const GridImage& image, const T* grid, int64_t begin, int64_t end, T* dgrid,
                            const F& f) {
  over_blocks<true>(image, grid, begin, end, [&](int64_t first, int64_t n, const Corners<T>& corners) {
    T sums[3][kPlaces] = {};
    if (image.mode != GridMode::Nearest) f(first, n, corners, sums);
    for (int64_t p = 0; p < n; ++p)
      for (int d = 0; d < image.rank; ++d) dgrid[(first + p) * image.rank + d] = sums[d][p];
  });
}

template <class T>
void grid_rows(const GridImage& image, const T* dy, const T* x, int64_t pitch, const T* grid, int64_t begin,
               int64_t end, T* dgrid) {
  alignas(64) T tile[kPlaces * kChannels];
  over_sums(image, grid, begin, end, dgrid,
            [&](int64_t first, int64_t n, const Corners<T>& corners, T(*sums)[kPlaces]) {
              over_channels(0, image.channels, image.channels, pitch,
                            [&](int64_t c, int64_t count, int64_t width) {
                              load_tile(image, dy, first, n, c, count, width, tile);
                              with_rank(image, [&]<int K, int Rank>() {
                                dot_rows<K, Rank>(corners, n, x + c, pitch, tile, width, sums);
                              });
                            });
            });
}

template <class T>
void grid_planes(const GridImage& image, const T* dy, const T* x, const T* grid, int64_t begin, int64_t end,
                 T* dgrid) {
  const int64_t pixels = image.pixels();
  over_sums(image, grid, begin, end, dgrid,
            [&](int64_t first, int64_t n, const Corners<T>& corners, T(*sums)[kPlaces]) {
              with_rank(image, [&]<int K, int Rank>() {
                for (int64_t c = 0; c < image.channels; ++c)
                  dot_pixels<K, Rank>(corners, n, x + c * pixels, dy + c * image.places + first, sums);
              });
            });
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const GridSampleTable grid_sample_table = {
    {to_rows<float>, to_planes<float>, rows<float>, planes<float>, input_rows<float>, input_planes<float>,
     grid_rows<float>, grid_planes<float>},
    {to_rows<double>, to_planes<double>, rows<double>, planes<double>, input_rows<double>,
     input_planes<double>, grid_rows<double>, grid_planes<double>}};
}

}  // namespace plait::cpu
