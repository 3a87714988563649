#include "ops/cpu/small_products.h"

#include <type_traits>

#include "ops/cpu/gemm_tile.h"

namespace plait::cpu {
namespace {

// Matrices side by side, element by element: a lane for each.
constexpr int64_t kMatrices = 16;

// Integers wrap around; so do sums of their unsigned kind, without undefined behaviour.
template <class T>
struct Element {
  using type = T;
};
template <class T>
requires std::is_integral_v<T>
struct Element<T> {
  using type = std::make_unsigned_t<T>;
};

template <class T>
void gather(T* to, const T* from, int64_t rows, int64_t columns, int64_t row, int64_t column, int64_t step,
            int64_t matrices) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j, to += kMatrices) {
      const T* at = from + i * row + j * column;
      if (matrices == kMatrices) {
#pragma GCC unroll 16
        for (int64_t l = 0; l < kMatrices; ++l) to[l] = at[l * step];
      } else {
        for (int64_t l = 0; l < kMatrices; ++l) to[l] = l < matrices ? at[l * step] : T(0);
      }
    }
}

template <class T>
PLAIT_INLINE T multiply_add(T sum, T x, T y) {
  if constexpr (std::is_integral_v<T>)
    return static_cast<T>(sum + 1U * x * y);  // 16 bits would be multiplied as signed integers
  else
    return sum + x * y;
}

// c[l] = sum over k of a[k][l] b[k][l]; the distances are those of k.
template <class T>
PLAIT_INLINE void multiply(T* c, const T* a, const T* b, int64_t k, int64_t b_distance) {
  T sums[kMatrices] = {};
  for (int64_t p = 0; p < k; ++p, a += kMatrices, b += b_distance)
#pragma GCC unroll 16
    for (int64_t l = 0; l < kMatrices; ++l) sums[l] = multiply_add(sums[l], a[l], b[l]);
#pragma GCC unroll 16
  for (int64_t l = 0; l < kMatrices; ++l) c[l] = sums[l];
}

template <class U>
void products(const Gemm& g, int64_t c_step, int64_t a_step, int64_t b_step, int64_t count) {
  using T = typename Element<U>::type;
  alignas(64) T a[kMostInSmallMatrix * kMatrices], b[kMostInSmallMatrix * kMatrices], sums[kMatrices];
  T alpha, beta;
  __builtin_memcpy(&alpha, g.alpha, sizeof(T));
  __builtin_memcpy(&beta, g.beta, sizeof(T));
  const auto gather_a = [&](int64_t first, int64_t matrices) {
    gather(a, static_cast<const T*>(g.a) + first * a_step, g.m, g.k, g.a_row, g.a_column, a_step, matrices);
  };
  const auto gather_b = [&](int64_t first, int64_t matrices) {
    gather(b, static_cast<const T*>(g.b) + first * b_step, g.k, g.n, g.b_row, g.b_column, b_step, matrices);
  };
  if (a_step == 0) gather_a(0, kMatrices);  // one for all
  if (b_step == 0) gather_b(0, kMatrices);
  for (int64_t first = 0; first < count; first += kMatrices) {
    const int64_t matrices = count - first < kMatrices ? count - first : kMatrices;
    if (a_step != 0) gather_a(first, matrices);
    if (b_step != 0) gather_b(first, matrices);
    T* const c = static_cast<T*>(g.c) + first * c_step;
    for (int64_t i = 0; i < g.m; ++i)
      for (int64_t j = 0; j < g.n; ++j) {
        multiply(sums, a + i * g.k * kMatrices, b + j * kMatrices, g.k, g.n * kMatrices);
        T* const to = c + i * g.c_row + j * g.c_column;
        for (int64_t l = 0; l < matrices; ++l) {
          const T sum = g.alpha_is_one ? sums[l] : multiply_add(T(0), alpha, sums[l]);
          to[l * c_step] =
              g.beta_is_zero ? sum : multiply_add(sum, g.beta_is_one ? T(1) : beta, to[l * c_step]);
        }
      }
  }
}

template <class... T>
constexpr SmallProductsTable make_table() {
  SmallProductsTable t{};
  ((t.run[static_cast<int>(dtype_of<T>)] = &products<T>), ...);
  return t;
}

}  // namespace

namespace PLAIT_ISA {
extern constinit const SmallProductsTable small_products_table =
    make_table<uint8_t, int8_t, int16_t, int32_t, int64_t, float, double>();
}  // namespace PLAIT_ISA

}  // namespace plait::cpu
