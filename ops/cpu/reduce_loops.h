// The kernels of a reduction (reduce.h) from a description of its function. For *.isa.cpp files; everything
// here has internal linkage.
//
//   template <class T> struct Sum {
//     using Lane = ...;                     // what elements are combined in, within a block
//     using Acc = ...;                      // what blocks are merged in
//     static constexpr Lane identity = 0;
//     static L map(x)                       // an element, or a vector of them, as Lane
//     static L step(L a, L x)               // combines
//     static Acc merge(Acc a, Acc b);
//     static Acc lift(Lane a);              // a lane's value as an accumulator
//     static R finish(Acc a, const ReduceParams&);
//   };
#pragma once

// Vector types are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include "ops/cpu/blocks.h"
#include "ops/cpu/reduce.h"
#include "plait/inline.h"

namespace plait::cpu {
namespace {

constexpr int kVectorBytes = PLAIT_ISA_LEVEL >= 4 ? 64 : PLAIT_ISA_LEVEL == 3 ? 32 : 16;

template <class T, int N>
struct VectorOf {
  typedef T type __attribute__((vector_size(sizeof(T) * N)));
};
// N elements beside each other, with the arithmetic of T.
template <class T, int N>
using Vector = typename VectorOf<T, N>::type;

template <class V>
PLAIT_INLINE V load_vector(const void* from) {
  V v;
  __builtin_memcpy(&v, from, sizeof(V));
  return v;
}
template <class V, class T>
PLAIT_INLINE V splat(T value) {
  return V{} + value;
}
// x, a number or a vector, with elements of type L.
template <class L, class X>
PLAIT_INLINE auto convert_to(X x) {
  if constexpr (std::is_arithmetic_v<X>)
    return static_cast<L>(x);
  else
    return __builtin_convertvector(x, Vector<L, sizeof(X) / sizeof(x[0])>);
}
// condition ? a : b, element by element.
template <class C, class V>
PLAIT_INLINE V choose_lanes(C condition, V a, V b) {
  return condition ? a : b;
}

// What memory holds while kernels work on it: bool as bytes of 0 and 1, 16-bit floats as float.
template <class T>
using Element = std::conditional_t<std::is_same_v<T, bool>, uint8_t, compute_t<T>>;
// Can elements be read as vectors where they are?
template <class T>
inline constexpr bool kDirect = sizeof(T) == sizeof(Element<T>);
constexpr int64_t kGathered = 2048;  // elements that are gathered at a time where they cannot

// n <= kGathered elements as Element<T>: in place, or copied into the buffer.
template <class T>
PLAIT_INLINE const Element<T>* elements(const char* x, int64_t stride, Element<T>* buffer, int64_t n) {
  if (stride == sizeof(T)) {
    if constexpr (kDirect<T>) return reinterpret_cast<const Element<T>*>(x);
    if constexpr (!kDirect<T>) to_float(reinterpret_cast<const T*>(x), buffer, n);
    return buffer;
  }
  for (int64_t i = 0; i < n; ++i)
    buffer[i] = static_cast<Element<T>>(*reinterpret_cast<const T*>(x + i * stride));
  return buffer;
}

// Lanes of a vector, merged in pairs.
template <class F, class V>
PLAIT_INLINE typename F::Acc fold(V v) {
  constexpr int n = sizeof(V) / sizeof(v[0]);
  typename F::Acc parts[n];
  for (int i = 0; i < n; ++i) parts[i] = F::lift(v[i]);
  for (int width = n / 2; width > 0; width /= 2)
    for (int i = 0; i < width; ++i) parts[i] = F::merge(parts[i], parts[i + width]);
  return parts[0];
}

// One block of contiguous elements.
template <class F, class E>
PLAIT_INLINE typename F::Acc block(const E* x, int64_t n) {
  using L = typename F::Lane;
  constexpr int kWidth = kVectorBytes / sizeof(L);
  constexpr int kUnroll = 8;
  using In = Vector<E, kWidth>;
  using V = Vector<L, kWidth>;
  typename F::Acc acc = F::lift(F::identity);
  int64_t i = 0;
  if (n >= kWidth) {
    V first = splat<V>(F::identity);
    if (n >= kWidth * kUnroll) {
      V lanes[kUnroll];
      for (int k = 0; k < kUnroll; ++k) lanes[k] = first;
      for (; i + kWidth * kUnroll <= n; i += kWidth * kUnroll) {
#pragma GCC unroll 8
        for (int k = 0; k < kUnroll; ++k)
          lanes[k] = F::step(lanes[k], F::map(load_vector<In>(x + i + k * kWidth)));
      }
#pragma GCC unroll 8
      for (int width = kUnroll / 2; width > 0; width /= 2)
        for (int k = 0; k < width; ++k) lanes[k] = F::step(lanes[k], lanes[k + width]);
      first = lanes[0];
    }
    for (; i + kWidth <= n; i += kWidth) first = F::step(first, F::map(load_vector<In>(x + i)));
    acc = fold<F>(first);
  }
  L rest = F::identity;
  for (; i < n; ++i) rest = F::step(rest, F::map(x[i]));
  return F::merge(acc, F::lift(rest));
}

template <class F, class T>
void reduce_rows(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t,
                 void* acc) {
  using E = Element<T>;
  constexpr int64_t kRowBlock = 4096;
  auto* out = static_cast<typename F::Acc*>(acc);
  alignas(64) E buffer[kGathered];
  const bool direct = kDirect<T> && stride == sizeof(T);
  const int64_t step = direct ? kRowBlock : kGathered;
  for (int64_t r = 0; r < rows; ++r, x += row_stride) {
    typename F::Acc sum = out[r];
    for (int64_t i = 0; i < n; i += step) {
      const int64_t m = n - i < step ? n - i : step;
      sum = F::merge(sum, block<F>(elements<T>(x + i * stride, stride, buffer, m), m));
      if constexpr (requires { F::settled(sum); })
        if (F::settled(sum)) break;
    }
    out[r] = sum;
  }
}

// Adds `Rows` rows, beside each other in memory by `step` elements, to lanes.
template <class F, int Rows, class E>
PLAIT_INLINE void add_rows(typename F::Lane* lanes, const E* const* x, int64_t n) {
  using L = typename F::Lane;
  constexpr int kWidth = kVectorBytes / sizeof(L);
  using In = Vector<E, kWidth>;
  using V = Vector<L, kWidth>;
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    V v = load_vector<V>(lanes + i);
#pragma GCC unroll 4
    for (int k = 0; k < Rows; ++k) v = F::step(v, F::map(load_vector<In>(x[k] + i)));
    __builtin_memcpy(lanes + i, &v, sizeof(V));
  }
  for (; i < n; ++i)
    for (int k = 0; k < Rows; ++k) lanes[i] = F::step(lanes[i], F::map(x[k][i]));
}

constexpr int64_t kMaxColumns = kGathered;

template <class F, class T>
void reduce_columns(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t,
                    void* acc) {
  using E = Element<T>;
  constexpr int64_t kBlockRows = 128;
  constexpr int kGroup = 4;
  auto* out = static_cast<typename F::Acc*>(acc);
  alignas(64) typename F::Lane lanes[kMaxColumns];
  alignas(64) E buffer[kMaxColumns];
  const bool direct = kDirect<T> && stride == sizeof(T);
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    const int64_t end = begin + kBlockRows < rows ? begin + kBlockRows : rows;
    for (int64_t i = 0; i < n; ++i) lanes[i] = F::identity;
    int64_t r = begin;
    if (direct) {
      for (; r + kGroup <= end; r += kGroup) {
        const E* group[kGroup];
        for (int k = 0; k < kGroup; ++k) group[k] = reinterpret_cast<const E*>(x + (r + k) * row_stride);
        add_rows<F, kGroup>(lanes, group, n);
      }
    }
    for (; r < end; ++r) {
      const E* row = elements<T>(x + r * row_stride, stride, buffer, n);
      add_rows<F, 1>(lanes, &row, n);
    }
    for (int64_t i = 0; i < n; ++i) out[i] = F::merge(out[i], F::lift(lanes[i]));
  }
}

template <class F>
void init_accs(void* acc, int64_t n) {
  auto* a = static_cast<typename F::Acc*>(acc);
  for (int64_t i = 0; i < n; ++i) a[i] = F::lift(F::identity);
}
template <class F>
void merge_accs(void* acc, const void* other, int64_t n) {
  auto* a = static_cast<typename F::Acc*>(acc);
  auto* b = static_cast<const typename F::Acc*>(other);
  for (int64_t i = 0; i < n; ++i) a[i] = F::merge(a[i], b[i]);
}
template <class F, class R>
void finish_accs(const void* acc, int64_t n, char* out, int64_t out_stride, const ReduceParams& params) {
  auto* a = static_cast<const typename F::Acc*>(acc);
  for (int64_t i = 0; i < n; ++i) store<R>(out + i * out_stride, F::finish(a[i], params));
}

// The kernels of F over elements of T with results of R.
template <class F, class T, class R>
constexpr Reduction make_reduction() {
  return {init_accs<F>,
          reduce_rows<F, T>,
          reduce_columns<F, T>,
          merge_accs<F>,
          finish_accs<F, R>,
          static_cast<int32_t>(sizeof(typename F::Acc)),
          static_cast<int32_t>(kMaxColumns)};
}

// The rows of a table for F<T>, results of F<T>::Result.
template <auto Function, template <class> class F, class Table, class... T>
constexpr void reduce_row(Table& table, Types<T...>) {
  ((table.reductions[static_cast<int>(Function)][static_cast<int>(dtype_of<T>)] =
        make_reduction<F<T>, T, typename F<T>::Result>()),
   ...);
}

}  // namespace
}  // namespace plait::cpu
