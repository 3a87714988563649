// Running sums and products. Along contiguous rows a sum is formed within a vector by log2(width) shifted
// additions, so that only one addition per vector waits for the one before.
#include "ops/cpu/scan.h"
#include "ops/cpu/reduce_loops.h"

namespace plait::cpu {
namespace {

template <class T>
using ScanAcc = std::conditional_t<std::is_integral_v<T>, int64_t,
                                   std::conditional_t<std::is_same_v<T, float>, double, T>>;

template <class A, bool Product>
PLAIT_INLINE A combine(A a, A x) {
  if constexpr (std::is_integral_v<A>) {
    const uint64_t u = static_cast<uint64_t>(a), v = static_cast<uint64_t>(x);
    return static_cast<A>(Product ? u * v : u + v);
  } else {
    if constexpr (Product) return a * x;
    return a + x;
  }
}

// v moved up by K places, zeros below.
template <int K, class V, int N, size_t... I>
PLAIT_INLINE V shift_up(V v, std::index_sequence<I...>) {
  using Index = std::conditional_t<sizeof(v[0]) == 8, int64_t, int32_t>;
  constexpr Vector<Index, N> at = {
      (static_cast<int>(I) >= K ? static_cast<Index>(I) - K : static_cast<Index>(N + I))...};
  return __builtin_shuffle(v, V{}, at);
}
template <int K, class E, int N>
PLAIT_INLINE Vector<E, N> prefix(Vector<E, N> v) {
  if constexpr (K < N)
    return prefix<2 * K, E, N>(v + shift_up<K, Vector<E, N>, N>(v, std::make_index_sequence<N>()));
  else
    return v;
}

// A row of E, the running total so far in `total`.
template <class E>
PLAIT_INLINE void sum_row(const E* x, E* y, int64_t n, ScanAcc<E>& total) {
  constexpr int N = kVectorBytes / sizeof(E);
  using V = Vector<E, N>;
  ScanAcc<E> sum = total;
  int64_t i = 0;
  for (; i + N <= n; i += N) {
    const V part = prefix<1, E, N>(load_vector<V>(x + i));
    const V out = part + static_cast<E>(sum);
    __builtin_memcpy(y + i, &out, sizeof(V));
    sum = combine<ScanAcc<E>, false>(sum, part[N - 1]);
  }
  for (; i < n; ++i) {
    sum = combine<ScanAcc<E>, false>(sum, x[i]);
    y[i] = static_cast<E>(sum);
  }
  total = sum;
}

template <class T, bool Product>
PLAIT_INLINE void run_row(const Element<T>* x, Element<T>* y, int64_t n, ScanAcc<Element<T>>& total) {
  if constexpr (Product) {
    for (int64_t i = 0; i < n; ++i) {
      total = combine<ScanAcc<Element<T>>, true>(total, x[i]);
      y[i] = static_cast<Element<T>>(total);
    }
  } else {
    sum_row<Element<T>>(x, y, n, total);
  }
}

template <class T, bool Product>
void scan_rows(const char* from, char* to, int64_t rows, int64_t n) {
  using E = Element<T>;
  const T* x = reinterpret_cast<const T*>(from);
  T* y = reinterpret_cast<T*>(to);
  for (int64_t r = 0; r < rows; ++r, x += n, y += n) {
    ScanAcc<E> total = Product ? 1 : 0;
    if constexpr (kDirect<T>) {
      run_row<T, Product>(x, y, n, total);
    } else {
      alignas(64) E in[kBlock], out[kBlock];
      for (int64_t i = 0; i < n; i += kBlock) {
        const int64_t m = n - i < kBlock ? n - i : kBlock;
        to_float(x + i, in, m);
        run_row<T, Product>(in, out, m, total);
        from_float(out, y + i, m);
      }
    }
  }
}

template <class T, bool Product>
void scan_columns(const char* from, char* to, int64_t n, int64_t columns, int64_t stride) {
  using E = Element<T>;
  using A = ScanAcc<E>;
  const T* x = reinterpret_cast<const T*>(from);
  T* y = reinterpret_cast<T*>(to);
  alignas(64) A totals[kScanColumns];
  for (int64_t j = 0; j < columns; ++j) totals[j] = Product ? 1 : 0;
  for (int64_t i = 0; i < n; ++i, x += stride, y += stride) {
    if constexpr (kDirect<T>) {
#pragma GCC ivdep
      for (int64_t j = 0; j < columns; ++j) {
        totals[j] = combine<A, Product>(totals[j], x[j]);
        y[j] = static_cast<E>(totals[j]);
      }
    } else {
      alignas(64) E row[kScanColumns];
      to_float(x, row, columns);
      for (int64_t j = 0; j < columns; ++j) {
        totals[j] = combine<A, Product>(totals[j], row[j]);
        row[j] = static_cast<E>(totals[j]);
      }
      from_float(row, y, columns);
    }
  }
}

template <bool Product, class... T>
constexpr void scan_row(ScanKernel (&row)[kDTypeCount], Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = {scan_rows<T, Product>, scan_columns<T, Product>}), ...);
}

constexpr ScanTable make_table() {
  using Scanned = Types<int64_t, Half, BFloat16, float, double>;
  ScanTable t{};
  scan_row<false>(t.kernels[static_cast<int>(Scan::Sum)], Scanned{});
  scan_row<true>(t.kernels[static_cast<int>(Scan::Prod)], Scanned{});
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const ScanTable scan_table = make_table();
}

}  // namespace plait::cpu
