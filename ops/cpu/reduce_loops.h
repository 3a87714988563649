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
//     static constexpr int kFewElements;    // optional: Reduction::few_elements
//     static bool is_sound(Acc a);          // optional: if not, the block is combined again, by
//     using Wider = ...;                    // this function with the same Acc
//   };
#pragma once

// Vector types are passed between inlined functions only.
#pragma GCC diagnostic ignored "-Wpsabi"

#include <utility>

#include "ops/cpu/reduce.h"
#include "ops/cpu/rows.h"
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
template <class T>
using TwiceAsWide = std::conditional_t<sizeof(T) == 1, int16_t, int32_t>;
// x, a number or a vector, with elements of type L. Integers are widened step by step: for twice the size
// there are instructions, for four times compilers take the vector to pieces.
template <class L, class X>
PLAIT_INLINE auto convert_to(X x) {
  if constexpr (std::is_arithmetic_v<X>) {
    return static_cast<L>(x);
  } else {
    using E = std::remove_cvref_t<decltype(x[0])>;
    constexpr int kCount = sizeof(X) / sizeof(E);
    if constexpr (std::is_integral_v<E> && sizeof(L) >= 4 * sizeof(E)) {
      using Half =
          std::conditional_t<std::is_signed_v<E>, TwiceAsWide<E>, std::make_unsigned_t<TwiceAsWide<E>>>;
      return convert_to<L>(__builtin_convertvector(x, Vector<Half, kCount>));
    } else {
      return __builtin_convertvector(x, Vector<L, kCount>);
    }
  }
}
// condition ? a : b, element by element.
template <class C, class V>
PLAIT_INLINE V choose_lanes(C condition, V a, V b) {
  return condition ? a : b;
}

// What memory holds while kernels work on it: bool as bytes of 0 and 1, 16-bit floats as float.
template <class T>
using Element = std::conditional_t<std::is_same_v<T, bool>, uint8_t, compute_t<T>>;
// Are elements of that type where they are?
template <class T>
inline constexpr bool kDirect = sizeof(T) == sizeof(Element<T>);
constexpr int64_t kGathered = 2048;  // elements that are gathered at a time where they do not lie together

template <int N>
PLAIT_INLINE Vector<float, N> widened(const Half* from) {
#ifdef __F16C__
  if constexpr (N == 4) {
    return _mm_cvtph_ps(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
  } else if constexpr (N == 8) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
  } else {
#ifdef __AVX512F__
    return _mm512_maskz_cvtph_ps(kAllLanes, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
#endif
  }
#else
  // The exponents' biases differ by 112; those of infinities and NaN are the largest there are.
  using Bits = Vector<uint32_t, N>;
  const Bits bits = __builtin_convertvector(load_vector<Vector<uint16_t, N>>(from), Bits);
  const Bits magnitude = (bits & 0x7fff) << 13, sign = (bits & 0x8000) << 16;
  const Bits finite = __builtin_bit_cast(Bits, __builtin_bit_cast(Vector<float, N>, magnitude) * 0x1p112f);
  const Bits value = (bits & 0x7c00) == 0x7c00 ? magnitude | 0x7f800000u : finite;
  return __builtin_bit_cast(Vector<float, N>, value | sign);
#endif
}
// N elements beside each other; 16-bit floats as float.
template <int N, class T>
PLAIT_INLINE auto load_elements(const T* from) {
  if constexpr (std::is_same_v<T, BFloat16>) {
    const auto bits = __builtin_convertvector(load_vector<Vector<uint16_t, N>>(from), Vector<uint32_t, N>);
    return __builtin_bit_cast(Vector<float, N>, bits << 16);
  } else if constexpr (std::is_same_v<T, Half>) {
    return widened<N>(from);
  } else {
    return load_vector<Vector<T, N>>(from);
  }
}

// n elements of Bytes bytes each.
template <int Bytes>
__attribute__((noinline)) void gather_bytes(const char* x, int64_t stride, char* to, int64_t n) {
  if (stride == 2 * Bytes) {  // every second, a pattern that there are instructions for
    for (int64_t i = 0; i < n; ++i) __builtin_memcpy(to + i * Bytes, x + i * 2 * Bytes, Bytes);
  } else {
    for (int64_t i = 0; i < n; ++i) __builtin_memcpy(to + i * Bytes, x + i * stride, Bytes);
  }
}
// n <= kGathered elements, in place or copied into the buffer.
template <class T>
PLAIT_INLINE const T* together(const char* x, int64_t stride, T* buffer, int64_t n) {
  if (stride == sizeof(T)) return reinterpret_cast<const T*>(x);
  gather_bytes<sizeof(T)>(x, stride, reinterpret_cast<char*>(buffer), n);
  return buffer;
}

// The same as Element<T>.
template <class T>
PLAIT_INLINE const Element<T>* elements(const char* x, int64_t stride, Element<T>* buffer, int64_t n) {
  if constexpr (kDirect<T>) {
    return together(x, stride, buffer, n);
  } else {
    if (stride == sizeof(T))
      to_float(reinterpret_cast<const T*>(x), buffer, n);
    else
      for (int64_t i = 0; i < n; ++i)
        buffer[i] = static_cast<Element<T>>(*reinterpret_cast<const T*>(x + i * stride));
    return buffer;
  }
}

template <int First, class V, size_t... I>
PLAIT_INLINE auto lanes_from(V v, std::index_sequence<I...>) {
  return __builtin_shufflevector(v, v, (First + static_cast<int>(I))...);
}
// The lanes of a vector, as accumulators, combined until `Parts` are left: the lower half and the upper one,
// and so on.
template <class F, class Acc, int Parts, class V>
PLAIT_INLINE auto halved(V v) {
  constexpr int n = sizeof(V) / sizeof(v[0]);
  if constexpr (n == Parts) {
    return convert_to<Acc>(v);
  } else {
    using Half = std::make_index_sequence<n / 2>;
    return halved<F, Acc, Parts>(
        F::step(convert_to<Acc>(lanes_from<0>(v, Half{})), convert_to<Acc>(lanes_from<n / 2>(v, Half{}))));
  }
}

// Lanes of a vector, merged in pairs.
template <class F, class V>
PLAIT_INLINE typename F::Acc fold(V v) {
  using Acc = typename F::Acc;
  if constexpr (sizeof(Acc) >= sizeof(v[0]) && !requires(Acc a) { F::settled(a); }) {
    return halved<F, Acc, 1>(v)[0];
  } else {
    constexpr int n = sizeof(V) / sizeof(v[0]);
    Acc parts[n];
    for (int i = 0; i < n; ++i) parts[i] = F::lift(v[i]);
    for (int width = n / 2; width > 0; width /= 2)
      for (int i = 0; i < width; ++i) parts[i] = F::merge(parts[i], parts[i + width]);
    return parts[0];
  }
}

constexpr int kChains = 8;  // independent vectors of lanes

template <class F>
using LaneVector = Vector<typename F::Lane, kVectorBytes / sizeof(typename F::Lane)>;

// Combines n elements (a multiple of the vectors taken at a time) from each of the Streams places that are
// `apart` elements apart into kChains / Streams vectors of lanes each.
template <class F, int Streams, class M>
PLAIT_INLINE void add_streams(LaneVector<F> (&lanes)[kChains], const M* x, int64_t apart, int64_t n) {
  constexpr int kWidth = kVectorBytes / sizeof(typename F::Lane), kEach = kChains / Streams;
  for (int64_t i = 0; i + kWidth * kEach <= n; i += kWidth * kEach) {
#pragma GCC unroll 8
    for (int k = 0; k < kChains; ++k)
      lanes[k] =
          F::step(lanes[k], F::map(load_elements<kWidth>(x + k / kEach * apart + i + k % kEach * kWidth)));
  }
}

// Lanes of `count` vectors of lanes from the first on, combined in pairs.
template <class F>
PLAIT_INLINE LaneVector<F> combined(LaneVector<F>* lanes, int count) {
#pragma GCC unroll 8
  for (int width = count / 2; width > 0; width /= 2)
    for (int k = 0; k < width; ++k) lanes[k] = F::step(lanes[k], lanes[k + width]);
  return lanes[0];
}

template <class F>
constexpr bool kHasWider = requires {
  typename F::Wider;
};

// One block of contiguous elements.
template <class F, class M>
PLAIT_INLINE typename F::Acc block(const M* x, int64_t n) {
  using L = typename F::Lane;
  using V = LaneVector<F>;
  constexpr int kWidth = kVectorBytes / sizeof(L);
  typename F::Acc acc = F::lift(F::identity);
  int64_t i = 0;
  if (n >= kWidth) {
    V first = splat<V>(F::identity);
    if (n >= kWidth * kChains) {
      V lanes[kChains];
      for (V& lane : lanes) lane = first;
      i = n / (kWidth * kChains) * (kWidth * kChains);
      add_streams<F, 1>(lanes, x, 0, i);
      first = combined<F>(lanes, kChains);
    }
    for (; i + kWidth <= n; i += kWidth) first = F::step(first, F::map(load_elements<kWidth>(x + i)));
    acc = fold<F>(first);
  }
  L rest = F::identity;
  for (; i < n; ++i) rest = F::step(rest, F::map(static_cast<compute_t<M>>(x[i])));
  acc = F::merge(acc, F::lift(rest));
  if constexpr (kHasWider<F>)
    if (!F::is_sound(acc)) return block<typename F::Wider>(x, n);
  return acc;
}

// Note [Streams]
// The processor fetches memory ahead for each sequence of addresses that it sees, but only so far: one core
// reads four sequences in turns up to twice as fast as one (AMD Zen 3: 10 to 18 GB/s and 18 to 32 GB/s). So a
// long row is read in four parts at once, and short rows by fours.
constexpr int kStreams = 4;
constexpr int64_t kStreamBlock = 1024;          // elements of a stream that are combined in lanes
constexpr int64_t kLongRow = 8 * kStreamBlock;  // from here on a row is read in parts
constexpr int64_t kShortRow = 128;              // below, four rows at once gain nothing

// A long row, except for the elements after the last whole block of all streams: `i` is where these begin.
template <class F, class E>
PLAIT_INLINE typename F::Acc long_row(const E* x, int64_t n, int64_t& i) {
  const int64_t part = n / kStreams / kStreamBlock * kStreamBlock;
  typename F::Acc sum = F::lift(F::identity);
  for (i = 0; i < part; i += kStreamBlock) {
    LaneVector<F> lanes[kChains];
    for (LaneVector<F>& lane : lanes) lane = splat<LaneVector<F>>(F::identity);
    add_streams<F, kStreams>(lanes, x + i, part, kStreamBlock);
    sum = F::merge(sum, fold<F>(combined<F>(lanes, kChains)));
    if constexpr (requires { F::settled(sum); })
      if (F::settled(sum)) break;
  }
  i = kStreams * part;
  return sum;
}

// kStreams rows that are `apart` elements apart.
template <class F, class E>
PLAIT_INLINE void short_rows(const E* x, int64_t apart, int64_t n, typename F::Acc* out) {
  constexpr int kEach = kChains / kStreams;
  constexpr int64_t kStep = kVectorBytes / sizeof(typename F::Lane) * kEach;
  for (int64_t i = 0; i < n; i += kStreamBlock) {
    const int64_t m = n - i < kStreamBlock ? n - i : kStreamBlock, whole = m / kStep * kStep;
    LaneVector<F> lanes[kChains];
    for (LaneVector<F>& lane : lanes) lane = splat<LaneVector<F>>(F::identity);
    add_streams<F, kStreams>(lanes, x + i, apart, whole);
    for (int s = 0; s < kStreams; ++s) {
      typename F::Lane rest = F::identity;
      for (int64_t j = i + whole; j < i + m; ++j) rest = F::step(rest, F::map(x[s * apart + j]));
      const auto sum = F::merge(fold<F>(combined<F>(lanes + s * kEach, kEach)), F::lift(rest));
      out[s] = F::merge(out[s], sum);
    }
  }
}

// In memory elements are T, but bool: it shares the kernels of uint8.
template <class F, class T>
void reduce_rows(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t,
                 void* acc) {
  constexpr int64_t kRowBlock = 4096;
  auto* out = static_cast<typename F::Acc*>(acc);
  alignas(64) T buffer[kGathered];
  const bool direct = stride == sizeof(T);
  const int64_t step = direct ? kRowBlock : kGathered;
  int64_t r = 0;
  if constexpr (kDirect<T> && !requires(typename F::Acc a) { F::settled(a); }) {
    if (direct && n >= kShortRow && n < kLongRow && row_stride % static_cast<int64_t>(sizeof(T)) == 0)
      for (; r + kStreams <= rows; r += kStreams)
        short_rows<F>(reinterpret_cast<const T*>(x + r * row_stride),
                      row_stride / static_cast<int64_t>(sizeof(T)), n, out + r);
  }
  for (; r < rows; ++r) {
    const char* row = x + r * row_stride;
    typename F::Acc sum = out[r];
    int64_t i = 0;
    if constexpr (kDirect<T>)
      if (direct && n >= kLongRow) sum = F::merge(sum, long_row<F>(reinterpret_cast<const T*>(row), n, i));
    for (; i < n; i += step) {
      if constexpr (requires { F::settled(sum); })
        if (F::settled(sum)) break;
      const int64_t m = n - i < step ? n - i : step;
      sum = F::merge(sum, block<F>(together(row + i * stride, stride, buffer, m), m));
    }
    out[r] = sum;
  }
}

// Adds `Rows` rows, beside each other in memory by `step` elements, to lanes.
template <class F, int Rows, class M>
PLAIT_INLINE void add_rows(typename F::Lane* lanes, const M* const* x, int64_t n) {
  using L = typename F::Lane;
  constexpr int kWidth = kVectorBytes / sizeof(L);
  using V = Vector<L, kWidth>;
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    V v = load_vector<V>(lanes + i);
#pragma GCC unroll 4
    for (int k = 0; k < Rows; ++k) v = F::step(v, F::map(load_elements<kWidth>(x[k] + i)));
    __builtin_memcpy(lanes + i, &v, sizeof(V));
  }
  for (; i < n; ++i)
    for (int k = 0; k < Rows; ++k) lanes[i] = F::step(lanes[i], F::map(static_cast<compute_t<M>>(x[k][i])));
}

constexpr int64_t kMaxColumns = kGathered;

// The sums of at most 128 rows of n columns, added to `lanes`.
template <class F, class T>
PLAIT_INLINE void add_block(typename F::Lane* lanes, const char* x, int64_t rows, int64_t row_stride,
                            int64_t n, int64_t stride) {
  constexpr int kGroup = 4;
  constexpr int64_t kChunk =
      512;  // columns whose elements are gathered at a time: they stay in the first cache
  alignas(64) T buffers[kGroup][kChunk];
  const int64_t step = stride == sizeof(T) ? n : kChunk;
  for (int64_t c = 0; c < n; c += step) {
    const int64_t m = n - c < step ? n - c : step;
    const auto row = [&](int64_t r, int k) {
      return together(x + r * row_stride + c * stride, stride, buffers[k], m);
    };
    int64_t r = 0;
    for (; r + kGroup <= rows; r += kGroup) {
      const T* group[kGroup];
      for (int k = 0; k < kGroup; ++k) group[k] = row(r + k, k);
      add_rows<F, kGroup>(lanes + c, group, m);
    }
    for (; r < rows; ++r) {
      const T* one = row(r, 0);
      add_rows<F, 1>(lanes + c, &one, m);
    }
  }
}

// The elements of one column.
template <class F, class T>
PLAIT_INLINE typename F::Acc column(const char* x, int64_t rows, int64_t row_stride) {
  typename F::Lane lane = F::identity;
  for (int64_t r = 0; r < rows; ++r)
    lane = F::step(lane, F::map(static_cast<compute_t<T>>(*reinterpret_cast<const T*>(x + r * row_stride))));
  return F::lift(lane);
}

template <class F, class T>
void reduce_columns(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t,
                    void* acc) {
  constexpr int64_t kBlockRows = 128;
  auto* out = static_cast<typename F::Acc*>(acc);
  alignas(64) typename F::Lane lanes[kMaxColumns];
  for (int64_t begin = 0; begin < rows; begin += kBlockRows) {
    const int64_t count = rows - begin < kBlockRows ? rows - begin : kBlockRows;
    for (int64_t i = 0; i < n; ++i) lanes[i] = F::identity;
    const char* first = x + begin * row_stride;
    add_block<F, T>(lanes, first, count, row_stride, n, stride);
    for (int64_t i = 0; i < n; ++i) {
      typename F::Acc acc = F::lift(lanes[i]);
      if constexpr (kHasWider<F>)
        if (!F::is_sound(acc)) acc = column<typename F::Wider, T>(first + i * stride, count, row_stride);
      out[i] = F::merge(out[i], acc);
    }
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

// Functions whose lanes are costly to fold say up to where rows are better taken as columns.
template <class F>
constexpr int32_t few_elements() {
  if constexpr (requires { F::kFewElements; })
    return F::kFewElements;
  else
    return 7;
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
          static_cast<int32_t>(kMaxColumns),
          false,
          static_cast<int32_t>(sizeof(R)),
          few_elements<F>()};
}

// The rows of a table for F<T>, results of F<T>::Result. Bool is reduced as uint8.
template <class T>
using Reduced = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
template <auto Function, template <class> class F, class Table, class... T>
constexpr void reduce_row(Table& table, Types<T...>) {
  ((table.reductions[static_cast<int>(Function)][static_cast<int>(dtype_of<T>)] =
        make_reduction<F<Reduced<T>>, Reduced<T>, typename F<Reduced<T>>::Result>()),
   ...);
}

}  // namespace
}  // namespace plait::cpu
