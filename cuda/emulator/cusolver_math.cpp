#include "cusolver_math.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace emulator {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr int kMostSweeps = 60;

bool is_finite(const Matrix& a) {
  return std::all_of(a.data.begin(), a.data.end(),
                     [](Number x) { return std::isfinite(x.real()) && std::isfinite(x.imag()); });
}

// Columns p and q become c p - s e q and s p + c e q, where e makes their product real.
struct Rotation {
  double c = 1, s = 0;
  Number phase = 1;

  // The one that makes [alpha gamma; conj(gamma) beta] diagonal.
  Rotation(double alpha, double beta, Number gamma) {
    const double size = std::abs(gamma);
    phase = std::conj(gamma) / size;
    const double theta = (beta - alpha) / (2 * size);
    const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::sqrt(1 + theta * theta));
    c = 1 / std::sqrt(1 + t * t);
    s = c * t;
  }
  void columns(Matrix& a, int64_t p, int64_t q) const {
    for (int64_t i = 0; i < a.rows; ++i) {
      const Number x = a(i, p), y = phase * a(i, q);
      a(i, p) = c * x - s * y;
      a(i, q) = s * x + c * y;
    }
  }
  void rows(Matrix& a, int64_t p, int64_t q) const {
    for (int64_t j = 0; j < a.columns; ++j) {
      const Number x = a(p, j), y = std::conj(phase) * a(q, j);
      a(p, j) = c * x - s * y;
      a(q, j) = s * x + c * y;
    }
  }
};

Number product(const Matrix& a, int64_t p, int64_t q) {
  Number sum = 0;
  for (int64_t i = 0; i < a.rows; ++i) sum += std::conj(a(i, p)) * a(i, q);
  return sum;
}

double length(const Matrix& a, int64_t p) { return std::sqrt(product(a, p, p).real()); }

// Columns from `first` on become orthonormal to all before them.
void complete_basis(Matrix& u, int64_t first) {
  for (int64_t j = first, unit = 0; j < u.columns; ++unit) {
    for (int64_t i = 0; i < u.rows; ++i) u(i, j) = i == unit ? 1 : 0;
    for (int again = 0; again < 2; ++again)
      for (int64_t k = 0; k < j; ++k) {
        const Number part = product(u, k, j);
        for (int64_t i = 0; i < u.rows; ++i) u(i, j) -= part * u(i, k);
      }
    const double size = length(u, j);
    if (size < 0.5 / std::sqrt(double(u.rows))) continue;  // nearly a sum of the others: the next unit vector
    for (int64_t i = 0; i < u.rows; ++i) u(i, j) /= size;
    ++j;
  }
}

Matrix adjoint(const Matrix& a) {
  Matrix turned(a.columns, a.rows);
  for (int64_t i = 0; i < a.rows; ++i)
    for (int64_t j = 0; j < a.columns; ++j) turned(j, i) = std::conj(a(i, j));
  return turned;
}

template <class Compare>
void sort_columns(Matrix& a, std::vector<double>& values, Compare before, Matrix* other = nullptr) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t i, size_t j) { return before(values[i], values[j]); });
  const std::vector<double> old = values;
  for (size_t k = 0; k < order.size(); ++k) values[k] = old[order[k]];
  for (Matrix* m : {&a, other}) {
    if (!m) continue;
    const Matrix from = *m;
    for (size_t k = 0; k < order.size(); ++k)
      for (int64_t i = 0; i < m->rows; ++i) (*m)(i, int64_t(k)) = from(i, int64_t(order[k]));
  }
}

// Reflects column j of `a` from row `first` on into a multiple of a unit vector; LAPACK's zlarfg.
Number make_reflector(Matrix& a, int64_t first, int64_t j) {
  double below = 0;
  for (int64_t i = first + 1; i < a.rows; ++i) below += std::norm(a(i, j));
  const Number alpha = a(first, j);
  if (below == 0 && alpha.imag() == 0) return 0;
  double beta = std::sqrt(std::norm(alpha) + below);
  if (alpha.real() > 0) beta = -beta;
  for (int64_t i = first + 1; i < a.rows; ++i) a(i, j) /= alpha - beta;
  a(first, j) = beta;
  return (beta - alpha) / beta;
}

// Column k of `to` -= tau v (v^H column), with the reflector in column j of `a`.
void reflect(const Matrix& a, int64_t j, Number tau, Matrix& to, int64_t k) {
  Number sum = to(j, k);
  for (int64_t i = j + 1; i < a.rows; ++i) sum += std::conj(a(i, j)) * to(i, k);
  to(j, k) -= tau * sum;
  for (int64_t i = j + 1; i < a.rows; ++i) to(i, k) -= tau * sum * a(i, j);
}

// a = q t q^H with upper triangular t, by steps of the QR algorithm with shifts.
bool to_triangle(Matrix& a, Matrix& q) {
  const int64_t n = a.rows;
  double scale = 0;
  for (const Number& x : a.data) scale = std::max(scale, std::abs(x));
  int64_t last = n - 1;
  for (int64_t step = 0; last > 0; ++step) {
    if (step > 100 * n) return false;
    int64_t first = last;
    while (first > 0) {
      double beside = 0;  // below the diagonal all is to vanish: the matrix is no Hessenberg matrix
      for (int64_t j = 0; j < first; ++j) beside = std::max(beside, std::abs(a(first, j)));
      for (int64_t i = first + 1; i <= last; ++i)
        for (int64_t j = 0; j < first; ++j) beside = std::max(beside, std::abs(a(i, j)));
      if (beside <= kEps * scale) {
        for (int64_t i = first; i <= last; ++i)
          for (int64_t j = 0; j < first; ++j) a(i, j) = 0;
        break;
      }
      --first;
    }
    if (first == last) {
      --last;
      continue;
    }
    // Wilkinson's shift; now and then another one, which ends circles.
    const Number half = 0.5 * (a(last - 1, last - 1) - a(last, last)),
                 root = std::sqrt(half * half + a(last - 1, last) * a(last, last - 1));
    Number shift = a(last, last) + half + (std::abs(half + root) < std::abs(half - root) ? root : -root);
    if (step % 11 == 10) shift += std::abs(a(last, last - 1));
    for (int64_t i = 0; i < n; ++i) a(i, i) -= shift;
    struct Turn {
      int64_t p, q;
      double c;
      Number s;
    };
    std::vector<Turn> turns;
    for (int64_t p = first; p < last; ++p)
      for (int64_t i = p + 1; i <= last; ++i) {
        if (a(i, p) == Number(0)) continue;
        const double size = std::sqrt(std::norm(a(p, p)) + std::norm(a(i, p)));
        const double c = std::abs(a(p, p)) / size;
        const Number unit = c == 0 ? 1 : a(p, p) / std::abs(a(p, p)), s = unit * std::conj(a(i, p)) / size;
        for (int64_t j = 0; j < n; ++j) {
          const Number x = a(p, j), y = a(i, j);
          a(p, j) = c * x + s * y;
          a(i, j) = -std::conj(s) * x + c * y;
        }
        turns.push_back({p, i, c, s});
      }
    for (const Turn& t : turns)
      for (Matrix* m : {&a, &q})
        for (int64_t i = 0; i < n; ++i) {
          const Number x = (*m)(i, t.p), y = (*m)(i, t.q);
          (*m)(i, t.p) = t.c * x + std::conj(t.s) * y;
          (*m)(i, t.q) = -t.s * x + t.c * y;
        }
    for (int64_t i = 0; i < n; ++i) a(i, i) += shift;
  }
  return true;
}

}  // namespace

Matrix Matrix::identity(int64_t n) {
  Matrix one(n, n);
  for (int64_t i = 0; i < n; ++i) one(i, i) = 1;
  return one;
}

int cholesky(Matrix& a, bool upper) {
  const int64_t n = a.columns;
  const auto at = [&](int64_t i, int64_t j) -> Number& { return upper ? a(j, i) : a(i, j); };
  for (int64_t j = 0; j < n; ++j) {
    double rest = at(j, j).real();
    for (int64_t k = 0; k < j; ++k) rest -= std::norm(at(j, k));
    if (!(rest > 0)) return int(j + 1);
    const double pivot = std::sqrt(rest);
    at(j, j) = pivot;
    for (int64_t i = j + 1; i < n; ++i) {
      Number sum = at(i, j);
      for (int64_t k = 0; k < j; ++k) sum -= at(i, k) * std::conj(at(j, k));
      at(i, j) = sum / pivot;
    }
  }
  return 0;
}

int lu(Matrix& a, std::vector<int>& pivots, bool exchanges) {
  const int64_t least = std::min(a.rows, a.columns);
  const auto size = [](Number x) { return std::abs(x.real()) + std::abs(x.imag()); };  // as LAPACK has it
  pivots.assign(static_cast<size_t>(least), 0);
  int info = 0;
  for (int64_t k = 0; k < least; ++k) {
    int64_t pivot = k;
    for (int64_t i = k + 1; exchanges && i < a.rows; ++i)
      if (size(a(i, k)) > size(a(pivot, k))) pivot = i;
    pivots[static_cast<size_t>(k)] = int(pivot + 1);
    if (a(pivot, k) == Number(0)) {
      if (!info) info = int(k + 1);
      continue;
    }
    if (pivot != k)
      for (int64_t j = 0; j < a.columns; ++j) std::swap(a(k, j), a(pivot, j));
    for (int64_t i = k + 1; i < a.rows; ++i) {
      a(i, k) /= a(k, k);
      for (int64_t j = k + 1; j < a.columns; ++j) a(i, j) -= a(i, k) * a(k, j);
    }
  }
  return info;
}

void substitute(const Matrix& op_a, Matrix& b, bool upper, bool unit) {
  const int64_t n = op_a.columns;
  for (int64_t column = 0; column < b.columns; ++column)
    for (int64_t step = 0; step < n; ++step) {
      const int64_t i = upper ? n - 1 - step : step;
      Number sum = b(i, column);
      for (int64_t j = upper ? i + 1 : 0; j < (upper ? n : i); ++j) sum -= op_a(i, j) * b(j, column);
      b(i, column) = unit ? sum : sum / op_a(i, i);
    }
}

void qr(Matrix& a, Numbers& tau) {
  const int64_t least = std::min(a.rows, a.columns);
  tau.assign(static_cast<size_t>(least), 0);
  for (int64_t j = 0; j < least; ++j) {
    const Number factor = tau[static_cast<size_t>(j)] = make_reflector(a, j, j);
    for (int64_t k = j + 1; k < a.columns; ++k) reflect(a, j, std::conj(factor), a, k);
  }
}

void unfold_reflectors(Matrix& a, const Numbers& tau) {
  const Matrix reflectors = a;
  for (int64_t j = 0; j < a.columns; ++j)
    for (int64_t i = 0; i < a.rows; ++i) a(i, j) = i == j ? 1 : 0;
  for (size_t j = tau.size(); j-- > 0;)
    for (int64_t k = 0; k < a.columns; ++k) reflect(reflectors, int64_t(j), tau[j], a, k);
}

int eigh(Matrix& a, std::vector<double>& values) {
  const int64_t n = a.rows;
  values.assign(static_cast<size_t>(n), 0);
  if (!is_finite(a)) return 1;
  Matrix v = Matrix::identity(n);
  for (int sweep = 0, turned = 1; turned; ++sweep) {
    if (sweep == kMostSweeps) return 1;
    turned = 0;
    double scale = 0;
    for (const Number& x : a.data) scale = std::max(scale, std::abs(x));
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        if (std::abs(a(p, q)) <= kEps * scale / 64) continue;
        const Rotation rotation(a(p, p).real(), a(q, q).real(), a(p, q));
        rotation.columns(a, p, q);
        rotation.rows(a, p, q);
        a(p, q) = a(q, p) = 0;  // but for rounding, which would never end
        rotation.columns(v, p, q);
        turned = 1;
      }
  }
  for (int64_t i = 0; i < n; ++i) values[static_cast<size_t>(i)] = a(i, i).real();
  sort_columns(v, values, std::less<>());
  a = v;
  return 0;
}

int svd(const Matrix& a, Matrix& u, std::vector<double>& s, Matrix& v) {
  if (a.rows < a.columns) return svd(adjoint(a), v, s, u);
  const int64_t m = a.rows, n = a.columns;
  s.assign(static_cast<size_t>(n), 0);
  if (!is_finite(a)) return int(n + 1);
  Matrix w = a;
  v = Matrix::identity(n);
  double scale = 0;
  for (const Number& x : a.data) scale = std::max(scale, std::abs(x));
  for (int sweep = 0, turned = 1; turned; ++sweep) {
    if (sweep == kMostSweeps) return int(n + 1);
    turned = 0;
    for (int64_t p = 0; p < n; ++p)
      for (int64_t q = p + 1; q < n; ++q) {
        const double alpha = length(w, p), beta = length(w, q);
        const Number gamma = product(w, p, q);
        if (std::abs(gamma) <= double(m + 4) * kEps * alpha * beta || alpha <= kEps * kEps * scale ||
            beta <= kEps * kEps * scale)
          continue;
        const Rotation rotation(alpha * alpha, beta * beta, gamma);
        rotation.columns(w, p, q);
        rotation.columns(v, p, q);
        turned = 1;
      }
  }
  for (int64_t j = 0; j < n; ++j) s[static_cast<size_t>(j)] = length(w, j);
  sort_columns(w, s, std::greater<>(), &v);
  u = Matrix(m, m);
  int64_t rank = 0;
  while (rank < n && s[static_cast<size_t>(rank)] > double(m) * kEps * s[0]) {
    for (int64_t i = 0; i < m; ++i) u(i, rank) = w(i, rank) / s[static_cast<size_t>(rank)];
    ++rank;
  }
  complete_basis(u, rank);
  return 0;
}

int eig(Matrix a, Numbers& values, Matrix& vectors) {
  const int64_t n = a.rows;
  values.assign(static_cast<size_t>(n), 0);
  Matrix q = Matrix::identity(n);
  if (!is_finite(a) || !to_triangle(a, q)) return 1;
  double scale = 0;
  for (const Number& x : a.data) scale = std::max(scale, std::abs(x));
  for (int64_t k = 0; k < n; ++k) {
    const Number value = values[static_cast<size_t>(k)] = a(k, k);
    Numbers x(static_cast<size_t>(n));
    x[static_cast<size_t>(k)] = 1;
    for (int64_t i = k; i-- > 0;) {
      Number sum = 0;
      for (int64_t j = i + 1; j <= k; ++j) sum += a(i, j) * x[static_cast<size_t>(j)];
      Number gap = value - a(i, i);
      if (std::abs(gap) < kEps * scale) gap = kEps * std::max(scale, 1.0);
      x[static_cast<size_t>(i)] = sum / gap;
    }
    for (int64_t i = 0; i < n; ++i) {
      Number sum = 0;
      for (int64_t j = 0; j <= k; ++j) sum += q(i, j) * x[static_cast<size_t>(j)];
      vectors(i, k) = sum;
    }
    const double size = length(vectors, k);
    for (int64_t i = 0; i < n; ++i) vectors(i, k) /= size;
  }
  return 0;
}

}  // namespace emulator
