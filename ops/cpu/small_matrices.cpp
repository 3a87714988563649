#include "ops/cpu/small_matrices.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <type_traits>
#include <utility>

namespace plait::cpu {
namespace {

constexpr int64_t kSmall = 8;

// Of complex numbers without what the standard wants for infinities, which LAPACK does not do either.
template <class T>
T product(T a, T b) {
  return a * b;
}
template <class T>
std::complex<T> product(std::complex<T> a, std::complex<T> b) {
  return {a.real() * b.real() - a.imag() * b.imag(), a.real() * b.imag() + a.imag() * b.real()};
}
template <class T>
T conjugate(T a) {
  return a;
}
template <class T>
std::complex<T> conjugate(std::complex<T> a) {
  return std::conj(a);
}
// LAPACK's measure of a pivot.
template <class T>
T size(T a) {
  return std::abs(a);
}
template <class T>
T size(std::complex<T> a) {
  return std::abs(a.real()) + std::abs(a.imag());
}

template <class F>
void with_type(DType dtype, const F& f) {
  switch (dtype) {
    case DType::Float32: return f(float());
    case DType::Float64: return f(double());
    case DType::Complex64: return f(std::complex<float>());
    default: return f(std::complex<double>());
  }
}

// The upper triangle becomes U with U^H U = A: the rows of L = U^H, but for conjugates, lie side by side.
template <class T>
int32_t cholesky_of(T* a, int64_t n, int64_t ld) {
  for (int64_t j = 0; j < n; ++j) {
    T* const own = a + j * ld;
    auto rest = std::real(own[j]);
    for (int64_t k = 0; k < j; ++k) rest -= std::real(product(own[k], conjugate(own[k])));
    if (!(rest > 0)) {
      own[j] = rest;
      return static_cast<int32_t>(j + 1);
    }
    const auto diagonal = std::sqrt(rest);
    own[j] = diagonal;
    for (int64_t i = j + 1; i < n; ++i) {
      T* const other = a + i * ld;
      T sum = other[j];
      for (int64_t k = 0; k < j; ++k) sum -= product(other[k], conjugate(own[k]));
      other[j] = sum / diagonal;
    }
  }
  return 0;
}

template <class T>
int32_t lu_of(T* a, int64_t rows, int64_t columns, int64_t ld, int32_t* pivots) {
  int32_t info = 0;
  for (int64_t j = 0; j < std::min(rows, columns); ++j) {
    T* const own = a + j * ld;
    int64_t pivot = j;
    for (int64_t i = j + 1; i < rows; ++i)
      if (size(own[i]) > size(own[pivot])) pivot = i;
    pivots[j] = static_cast<int32_t>(pivot + 1);
    if (own[pivot] == T(0)) {
      if (info == 0) info = static_cast<int32_t>(j + 1);
      continue;
    }
    if (pivot != j)
      for (int64_t k = 0; k < columns; ++k) std::swap(a[k * ld + j], a[k * ld + pivot]);
    for (int64_t i = j + 1; i < rows; ++i) own[i] /= own[j];
    for (int64_t k = j + 1; k < columns; ++k) {
      T* const other = a + k * ld;
      for (int64_t i = j + 1; i < rows; ++i) other[i] -= product(own[i], other[j]);
    }
  }
  return info;
}

struct Distances {
  int64_t row, column;
};

// A X = B. `Neighbours`: numbers of a row of B lie side by side.
template <bool Neighbours, class T>
void substitute(const T* a, Distances at_a, T* b, Distances at_b, int64_t n, int64_t columns, bool upper,
                bool unit) {
  const int64_t step = Neighbours ? 1 : at_b.column;
  for (int64_t done = 0; done < n; ++done) {
    const int64_t i = upper ? n - 1 - done : done;
    T* const row = b + i * at_b.row;
    for (int64_t l = 0; l < done; ++l) {
      const int64_t j = upper ? n - 1 - l : l;
      const T factor = a[i * at_a.row + j * at_a.column];
      const T* const other = b + j * at_b.row;
      for (int64_t k = 0; k < columns; ++k) row[k * step] -= product(factor, other[k * step]);
    }
    if (unit) continue;
    const T diagonal = a[i * at_a.row + i * at_a.column];
    for (int64_t k = 0; k < columns; ++k) row[k * step] /= diagonal;
  }
}

// The norm of n numbers without overflow on the way.
template <class T>
auto norm_of(const T* x, int64_t n) {
  auto largest = size(T(0));
  for (int64_t i = 0; i < n; ++i) largest = std::max(largest, size(x[i]));
  if (largest == 0 || !(largest - largest == 0)) return largest;
  auto sum = size(T(0));
  for (int64_t i = 0; i < n; ++i) {
    const T part = x[i] / largest;
    sum += std::real(product(part, conjugate(part)));
  }
  return largest * std::sqrt(sum);
}

// x of n numbers becomes beta, and the reflector without its leading one, of H^H x = beta e_1; its factor.
template <class T>
T reflector_of(T* x, int64_t n) {
  const T alpha = x[0];
  if (norm_of(x + 1, n - 1) == 0 && std::imag(alpha) == 0) return T(0);
  const auto beta = -std::copysign(norm_of(x, n), std::real(alpha));
  const T scale = T(1) / (alpha - T(beta));
  for (int64_t i = 1; i < n; ++i) x[i] = product(x[i], scale);
  x[0] = beta;
  return (T(beta) - alpha) / beta;
}

// (1 - factor v v^H) of a column, for v with a leading one.
template <class T>
void reflect(const T* v, T factor, T* column, int64_t n) {
  T sum = column[0];
  for (int64_t i = 1; i < n; ++i) sum += product(conjugate(v[i]), column[i]);
  sum = product(sum, factor);
  column[0] -= sum;
  for (int64_t i = 1; i < n; ++i) column[i] -= product(v[i], sum);
}

template <class T>
void qr_of(T* a, int64_t rows, int64_t columns, int64_t ld, T* tau) {
  for (int64_t i = 0; i < std::min(rows, columns); ++i) {
    T* const own = a + i * ld + i;
    tau[i] = reflector_of(own, rows - i);
    for (int64_t j = i + 1; j < columns; ++j) reflect(own, conjugate(tau[i]), a + j * ld + i, rows - i);
  }
}

template <class T>
void q_of(T* a, int64_t rows, int64_t columns, int64_t ld, int64_t reflectors, const T* tau) {
  for (int64_t j = reflectors; j < columns; ++j) {
    std::fill_n(a + j * ld, rows, T(0));
    a[j * ld + j] = T(1);
  }
  for (int64_t i = reflectors; i-- > 0;) {
    T* const own = a + i * ld + i;
    for (int64_t j = i + 1; j < columns; ++j) reflect(own, tau[i], a + j * ld + i, rows - i);
    for (int64_t k = 1; k < rows - i; ++k) own[k] = product(own[k], -tau[i]);
    own[0] = T(1) - tau[i];
    std::fill_n(a + i * ld, i, T(0));
  }
}

}  // namespace

bool is_small(const Matrices& a) { return a.rows <= kSmall && a.columns <= kSmall; }

void small_cholesky(const Matrices& a, int64_t first, int64_t last, int32_t* info) {
  with_type(a.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = first; i < last; ++i) {
      T* const data = static_cast<T*>(a.data) + i * a.stride;
      info[i] = cholesky_of(data, a.rows, a.ld);
    }
  });
}

void small_transpose(const Matrices& to, const void* from) {
  with_type(to.dtype, [&](auto zero) {
    using T = decltype(zero);
    const T* source = static_cast<const T*>(from);
    for (int64_t b = 0; b < to.batch; ++b) {
      T* const matrix = static_cast<T*>(to.data) + b * to.stride;
      for (int64_t i = 0; i < to.rows; ++i)
        for (int64_t j = 0; j < to.columns; ++j) matrix[j * to.ld + i] = *source++;
    }
  });
}

void small_lu(const Matrices& a, int64_t first, int64_t last, int32_t* pivots, int32_t* info) {
  const int64_t least = std::min(a.rows, a.columns);
  with_type(a.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = first; i < last; ++i)
      info[i] = lu_of(static_cast<T*>(a.data) + i * a.stride, a.rows, a.columns, a.ld, pivots + i * least);
  });
}

void small_qr(const Matrices& a, int64_t first, int64_t last, void* tau) {
  const int64_t least = std::min(a.rows, a.columns);
  with_type(a.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = first; i < last; ++i)
      qr_of(static_cast<T*>(a.data) + i * a.stride, a.rows, a.columns, a.ld,
            static_cast<T*>(tau) + i * least);
  });
}

void small_q(const Matrices& a, int64_t reflectors, int64_t first, int64_t last, const void* tau) {
  with_type(a.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = first; i < last; ++i)
      q_of(static_cast<T*>(a.data) + i * a.stride, a.rows, a.columns, a.ld, reflectors,
           static_cast<const T*>(tau) + i * reflectors);
  });
}

void small_triangular(const Triangle& t, const Matrices& a, const Matrices& b, int64_t first, int64_t last) {
  // X A = B is A^T X^T = B^T.
  Distances at_a{1, a.ld}, at_b{1, b.ld};
  if (t.transposed != t.right) std::swap(at_a.row, at_a.column);
  if (t.right) std::swap(at_b.row, at_b.column);
  const bool upper = t.upper != (t.transposed != t.right);
  const int64_t columns = t.right ? b.rows : b.columns;
  with_type(a.dtype, [&](auto zero) {
    using T = decltype(zero);
    for (int64_t i = first; i < last; ++i) {
      const T* const from = static_cast<const T*>(a.data) + i * a.stride;
      T* const to = static_cast<T*>(b.data) + i * b.stride;
      (at_b.column == 1 ? substitute<true, T> : substitute<false, T>)(from, at_a, to, at_b, a.rows, columns,
                                                                      upper, t.unit);
    }
  });
}

}  // namespace plait::cpu
