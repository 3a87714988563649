// Sums and products of complex numbers (reduce.h): real and imaginary parts side by side in the lanes of
// vectors. Accumulators are pairs of double. For *.isa.cpp files; everything here has internal linkage.
//
//   template <class T> struct Sum {         // of complex numbers of T
//     using Lane = ...;                     // what parts are combined in, within a block
//     static constexpr int identity = ...;  // the real part; the imaginary one is 0
//     static V step(V a, V x)               // combines pairs, in vectors of any width
//     static V finish(V a, const ReduceParams&);
//   };
#pragma once

#include "ops/cpu/reduce_loops.h"

namespace plait::cpu {
namespace {

using Pair64 = Vector<double, 2>;
constexpr int64_t kPairColumns = kGathered / 2;

template <class V>
PLAIT_INLINE V pairs_of(int re) {
  V v{};
  for (size_t i = 0; i < sizeof(V) / sizeof(v[0]); i += 2) v[i] = static_cast<decltype(v[0] + 0)>(re);
  return v;
}

template <class T>
struct PairSum {
  using Lane = T;
  static constexpr int identity = 0;
  template <class V>
  static PLAIT_INLINE V step(V a, V x) {
    return a + x;
  }
  static PLAIT_INLINE Pair64 finish(Pair64 a, const ReduceParams& params) { return a / params.divisor; }
};

// By the formula, as NumPy's: infinite factors may give NaN.
template <class V, size_t... I>
PLAIT_INLINE V multiply_pairs(V a, V x, std::index_sequence<I...>) {
  const V re = __builtin_shufflevector(a, a, static_cast<int>(I & ~size_t{1})...),
          im = __builtin_shufflevector(a, a, static_cast<int>(I | 1)...),
          turned = __builtin_shufflevector(x, -x, static_cast<int>(I & 1 ? I - 1 : sizeof...(I) + I + 1)...);
  return re * x + im * turned;
}
template <class T>
struct PairProd {
  using Lane = double;
  static constexpr int identity = 1;
  template <class V>
  static PLAIT_INLINE V step(V a, V x) {
    return multiply_pairs(a, x, std::make_index_sequence<sizeof(V) / sizeof(a[0])>{});
  }
  static PLAIT_INLINE Pair64 finish(Pair64 a, const ReduceParams&) { return a; }
};

// The parts of pairs that do not lie together are copied.
template <class T>
PLAIT_INLINE const T* pairs_together(const char* x, int64_t stride, T* buffer, int64_t n) {
  if (stride == 2 * sizeof(T)) return reinterpret_cast<const T*>(x);
  gather_bytes<2 * sizeof(T)>(x, stride, reinterpret_cast<char*>(buffer), n);
  return buffer;
}

template <class F, class T>
void pair_rows(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t,
               void* acc) {
  constexpr int kWidth = kVectorBytes / sizeof(typename F::Lane), kVectors = 4;
  using V = Vector<typename F::Lane, kWidth>;
  constexpr int64_t kBlock = 2 * kPairColumns;
  auto* out = static_cast<Pair64*>(acc);
  alignas(64) T buffer[kBlock];
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t begin = 0; begin < 2 * n; begin += kBlock) {
      const int64_t count = 2 * n - begin < kBlock ? 2 * n - begin : kBlock;
      const T* from = pairs_together(x + r * row_stride + begin / 2 * stride, stride, buffer, count / 2);
      const auto load = [&](int64_t i) __attribute__((always_inline)) {
        return convert_to<typename F::Lane>(load_elements<kWidth>(from + i));
      };
      V lanes[kVectors];
      for (V& lane : lanes) lane = pairs_of<V>(F::identity);
      int64_t i = 0;
      for (; i + kWidth * kVectors <= count; i += kWidth * kVectors) {
#pragma GCC unroll 4
        for (int k = 0; k < kVectors; ++k) lanes[k] = F::step(lanes[k], load(i + k * kWidth));
      }
      for (; i + kWidth <= count; i += kWidth) lanes[0] = F::step(lanes[0], load(i));
      Pair64 total = halved<F, double, 2>(F::step(F::step(lanes[0], lanes[1]), F::step(lanes[2], lanes[3])));
      for (; i < count; i += 2) total = F::step(total, Pair64{from[i], from[i + 1]});
      out[r] = F::step(out[r], total);
    }
}

template <class F, class T>
void pair_columns(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t,
                  void* acc) {
  constexpr int64_t kBlockRows = 128;
  using L = typename F::Lane;
  constexpr int kWidth = kVectorBytes / sizeof(L), kGroup = 2;
  using V = Vector<L, kWidth>;
  using One = Vector<L, 2>;
  auto* out = static_cast<Pair64*>(acc);
  alignas(64) L lanes[2 * kPairColumns];
  alignas(64) T buffers[kGroup][2 * kPairColumns];
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    const int64_t end = begin + kBlockRows < rows ? begin + kBlockRows : rows;
    for (int64_t i = 0; i < n; ++i) {
      lanes[2 * i] = F::identity;
      lanes[2 * i + 1] = 0;
    }
    for (int64_t r = begin; r < end; r += kGroup) {
      const int count = end - r < kGroup ? 1 : kGroup;
      const T* from[kGroup];
      for (int k = 0; k < count; ++k)
        from[k] = pairs_together(x + (r + k) * row_stride, stride, buffers[k], n);
      int64_t i = 0;
      for (; i + kWidth <= 2 * n; i += kWidth) {
        V v = load_vector<V>(lanes + i);
        for (int k = 0; k < count; ++k) v = F::step(v, convert_to<L>(load_elements<kWidth>(from[k] + i)));
        __builtin_memcpy(lanes + i, &v, sizeof(V));
      }
      for (; i < 2 * n; i += 2) {
        One v{lanes[i], lanes[i + 1]};
        for (int k = 0; k < count; ++k)
          v = F::step(v, One{static_cast<L>(from[k][i]), static_cast<L>(from[k][i + 1])});
        lanes[i] = v[0];
        lanes[i + 1] = v[1];
      }
    }
    for (int64_t i = 0; i < n; ++i) out[i] = F::step(out[i], Pair64{lanes[2 * i], lanes[2 * i + 1]});
  }
}

template <class F>
void init_pairs(void* acc, int64_t n) {
  for (int64_t i = 0; i < n; ++i) static_cast<Pair64*>(acc)[i] = Pair64{F::identity, 0};
}
template <class F>
void merge_pairs(void* acc, const void* other, int64_t n) {
  auto* a = static_cast<Pair64*>(acc);
  for (int64_t i = 0; i < n; ++i) a[i] = F::step(a[i], static_cast<const Pair64*>(other)[i]);
}
template <class F, class T>
void finish_pairs(const void* acc, int64_t n, char* out, int64_t out_stride, const ReduceParams& params) {
  for (int64_t i = 0; i < n; ++i) {
    const Pair64 value = F::finish(static_cast<const Pair64*>(acc)[i], params);
    const T parts[] = {static_cast<T>(value[0]), static_cast<T>(value[1])};
    __builtin_memcpy(out + i * out_stride, parts, sizeof(parts));
  }
}

template <auto Function, template <class> class F, class Table, class... T>
constexpr void pair_row(Table& table, Types<T...>) {
  ((table.reductions[static_cast<int>(Function)][static_cast<int>(to_complex(dtype_of<T>))] =
        {init_pairs<F<T>>, pair_rows<F<T>, T>, pair_columns<F<T>, T>, merge_pairs<F<T>>,
         finish_pairs<F<T>, T>, static_cast<int32_t>(sizeof(Pair64)), static_cast<int32_t>(kPairColumns),
         false, static_cast<int32_t>(2 * sizeof(T)), 7}),
   ...);
}

}  // namespace
}  // namespace plait::cpu
