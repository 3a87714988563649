// Largest and smallest elements with their positions.
//
// By rows: the extreme of a block by vectors, and only where it beats what was found before, a search for it
// in that block; so nearly all of the work is a plain maximum. By columns: values and positions side by side
// in vectors.
#include "ops/cpu/reduce_extremes.h"

namespace plait::cpu {
namespace {

// Positions ride in lanes as wide as the values, so short integers are compared as int32.
template <class T>
using Compared = std::conditional_t<std::is_integral_v<T> && sizeof(T) < 4, int32_t, compute_t<T>>;
template <class C>
using Lane = std::conditional_t<sizeof(C) == 8, int64_t, int32_t>;

constexpr int64_t kSearch = 512;

template <class C>
struct Found {
  C value;
  int64_t index;  // -1: nothing yet
};

// n elements as C; in place where they are that.
template <class T, class C>
PLAIT_INLINE const C* compared(const char* x, int64_t stride, C* buffer, int64_t n) {
  if constexpr (std::is_same_v<T, C>) {
    if (stride == sizeof(T)) return reinterpret_cast<const C*>(x);
  } else if constexpr (!std::is_integral_v<T>) {
    if (stride == sizeof(T)) {
      to_float(reinterpret_cast<const T*>(x), buffer, n);
      return buffer;
    }
  }
  for (int64_t i = 0; i < n; ++i) buffer[i] = static_cast<C>(*reinterpret_cast<const T*>(x + i * stride));
  return buffer;
}

// Does x come before a? Equal elements do not.
template <class C, bool Largest, class V>
PLAIT_INLINE auto beats(V x, V a) {
  if constexpr (std::is_integral_v<C>) {
    if constexpr (Largest)
      return x > a;
    else
      return x < a;
  } else if constexpr (std::is_arithmetic_v<V>) {
    return !(Largest ? x <= a : x >= a) && a == a;
  } else {
    if constexpr (Largest)
      return ~(x <= a) & (a == a);
    else
      return ~(x >= a) & (a == a);
  }
}

// The first element equal to `value`, which is among them (a NaN: the first NaN).
template <class C>
PLAIT_INLINE int64_t find(const C* x, int64_t n, C value) {
  constexpr int kWidth = kVectorBytes / sizeof(C), kGroup = 8;
  using V = Vector<C, kWidth>;
  using M = Vector<Lane<C>, kWidth>;
  const bool nan = value != value;
  int64_t i = 0;
  for (; i + kWidth * kGroup <= n; i += kWidth * kGroup) {
    M hit{};
    for (int k = 0; k < kGroup; ++k) {
      const V v = load_vector<V>(x + i + k * kWidth);
      hit |= nan ? v != v : v == value;
    }
    const auto words = __builtin_bit_cast(Vector<int64_t, kVectorBytes / 8>, hit);
    int64_t any = 0;
    for (int k = 0; k < kVectorBytes / 8; ++k) any |= words[k];
    if (any) break;
  }
  while (i < n - 1 && !(nan ? x[i] != x[i] : x[i] == value)) ++i;
  return i;
}

template <class T, bool Largest>
void position_rows(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride, int64_t base,
                   void* acc) {
  using C = Compared<T>;
  using F = Extreme<C, Largest>;
  auto* out = static_cast<Found<C>*>(acc);
  alignas(64) C buffer[kSearch];
  for (int64_t r = 0; r < rows; ++r, x += row_stride) {
    Found<C> best = out[r];
    for (int64_t i = 0; i < n; i += kSearch) {
      const int64_t m = n - i < kSearch ? n - i : kSearch;
      const C* values = compared<T>(x + i * stride, stride, buffer, m);
      const C top = block<F>(values, m);
      if (best.index >= 0 && !beats<C, Largest>(top, best.value)) continue;
      best = {top, base + i + find(values, m, top)};
      if (top != top) break;
    }
    out[r] = best;
  }
}

constexpr int64_t kPositionColumns = 1024;

template <class C, bool Largest, int Rows>
PLAIT_INLINE void compare_rows(C* best, Lane<C>* index, const C* const* x, Lane<C> row, int64_t n) {
  constexpr int kWidth = kVectorBytes / sizeof(C);
  using V = Vector<C, kWidth>;
  using M = Vector<Lane<C>, kWidth>;
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    V v = load_vector<V>(best + i);
    M at = load_vector<M>(index + i);
#pragma GCC unroll 4
    for (int k = 0; k < Rows; ++k) {
      const V candidate = load_vector<V>(x[k] + i);
      const M better = beats<C, Largest>(candidate, v);
      v = choose_lanes(better, candidate, v);
      at = choose_lanes(better, M{} + static_cast<Lane<C>>(row + k), at);
    }
    __builtin_memcpy(best + i, &v, sizeof(V));
    __builtin_memcpy(index + i, &at, sizeof(M));
  }
  for (; i < n; ++i)
    for (int k = 0; k < Rows; ++k)
      if (beats<C, Largest>(x[k][i], best[i])) {
        best[i] = x[k][i];
        index[i] = row + k;
      }
}

template <class T, bool Largest>
void position_columns(const char* x, int64_t rows, int64_t row_stride, int64_t n, int64_t stride,
                      int64_t base, void* acc) {
  using C = Compared<T>;
  constexpr int64_t kMaxRows = int64_t{1} << 30;  // positions are counted in 32 bits within a piece
  constexpr int kGroup = 4;
  auto* out = static_cast<Found<C>*>(acc);
  alignas(64) C best[kPositionColumns], buffer[kPositionColumns];
  alignas(64) Lane<C> index[kPositionColumns];
  const bool direct = std::is_same_v<T, C> && stride == sizeof(T);
  for (int64_t begin = 0; begin < rows; begin += kMaxRows) {
    const int64_t end = begin + kMaxRows < rows ? begin + kMaxRows : rows;
    const C* first = compared<T>(x + begin * row_stride, stride, buffer, n);
    for (int64_t i = 0; i < n; ++i) {
      best[i] = first[i];
      index[i] = 0;
    }
    int64_t r = begin + 1;
    if (direct) {
      for (; r + kGroup <= end; r += kGroup) {
        const C* group[kGroup];
        for (int k = 0; k < kGroup; ++k) group[k] = reinterpret_cast<const C*>(x + (r + k) * row_stride);
        compare_rows<C, Largest, kGroup>(best, index, group, static_cast<Lane<C>>(r - begin), n);
      }
    }
    for (; r < end; ++r) {
      const C* row = compared<T>(x + r * row_stride, stride, buffer, n);
      compare_rows<C, Largest, 1>(best, index, &row, static_cast<Lane<C>>(r - begin), n);
    }
    for (int64_t i = 0; i < n; ++i)
      if (out[i].index < 0 || beats<C, Largest>(best[i], out[i].value))
        out[i] = {best[i], base + begin + index[i]};
  }
}

template <class C>
void init_found(void* acc, int64_t n) {
  auto* a = static_cast<Found<C>*>(acc);
  for (int64_t i = 0; i < n; ++i) a[i] = {C(0), -1};
}
// `other` comes after in the order of elements.
template <class C, bool Largest>
void merge_found(void* acc, const void* other, int64_t n) {
  auto* a = static_cast<Found<C>*>(acc);
  auto* b = static_cast<const Found<C>*>(other);
  for (int64_t i = 0; i < n; ++i)
    if (b[i].index >= 0 && (a[i].index < 0 || beats<C, Largest>(b[i].value, a[i].value))) a[i] = b[i];
}
template <class T>
void finish_found(const void* acc, int64_t n, char* out, int64_t out_stride, const ReduceParams& params) {
  auto* a = static_cast<const Found<Compared<T>>*>(acc);
  if (params.location)
    for (int64_t i = 0; i < n; ++i) store<int64_t>(out + i * out_stride, a[i].index);
  else
    for (int64_t i = 0; i < n; ++i) store<T>(out + i * out_stride, a[i].value);
}

template <bool Largest, class... T>
constexpr void position_row(Reduction (&row)[kDTypeCount], Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = {init_found<Compared<T>>, position_rows<T, Largest>,
                                          position_columns<T, Largest>, merge_found<Compared<T>, Largest>,
                                          finish_found<T>, static_cast<int32_t>(sizeof(Found<Compared<T>>)),
                                          static_cast<int32_t>(kPositionColumns), true, 0,
                                          static_cast<int32_t>(384 / sizeof(Compared<T>))}),
   ...);
}

constexpr ReduceTable<Positions> make_table() {
  ReduceTable<Positions> t{};
  position_row<true>(t.reductions[static_cast<int>(Positions::Max)], Reals{});
  position_row<false>(t.reductions[static_cast<int>(Positions::Min)], Reals{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const ReduceTable<Positions> positions_table = make_table();
}

}  // namespace plait::cpu
