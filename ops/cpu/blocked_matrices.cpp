#include "ops/cpu/blocked_matrices.h"

#include <algorithm>
#include <cfloat>
#include <cmath>
#include <complex>
#include <cstring>
#include <memory>
#include <vector>

#include "core/parallel.h"
#include "ops/cpu/diagonal_blocks.h"
#include "ops/cpu/lapack_library.h"

namespace plait::cpu {
namespace {

using namespace lapack_library;

constexpr Int kReflectors = 64;  // in a panel of QR: more take longer in the panel than they save beside it
constexpr Int kShort = 256;      // rows below which a panel alone is faster reflector by reflector
constexpr Triangle kUpper{.upper = true, .unit = false, .transposed = false, .right = false};
constexpr Int kPanel = 64;  // columns that Cholesky's and LU's functions of LAPACK are given

// A number of a dtype: 1, 0 or -1.
struct Number {
  Number(DType dtype, double value) {
    const auto single = static_cast<float>(value);
    if (two(dtype) == 0)
      std::memcpy(bytes, &single, sizeof single);
    else
      std::memcpy(bytes, &value, sizeof value);
  }
  alignas(16) char bytes[16] = {};
};

const char* adjoint(DType dtype) { return is_complex(dtype) ? "C" : "T"; }

std::unique_ptr<char[]> memory_for(DType dtype, Int numbers) {
  return std::unique_ptr<char[]>(new char[static_cast<size_t>(numbers) * itemsize(dtype)]);
}

// Calls f(first, last) on ranges of columns (or rows), each worth `work` multiplications, in several threads.
template <class F>
void share(Int count, Int work, const F& f) {
  constexpr Int kWork = 500000, kStep = 16;  // what is worth a thread; what products take together
  const Int parts = std::min({count * work / kWork, count / kStep, Int(num_threads())});
  if (parts <= 1) return f(Int(0), count);
  const auto start = [&](Int part) { return part == parts ? count : count * part / parts / kStep * kStep; };
  parallel_for(Int(0), parts, 1, [&](Int first, Int last) { f(start(first), start(last)); });
}

// C = alpha op(A) op(B) + beta C
void add_product(double alpha, const char* trans_a, const Block& a, const char* trans_b, const Block& b,
                 double beta, const Block& c) {
  const Number by(c.dtype, alpha), keep(c.dtype, beta);
  const Int terms = *trans_a == 'N' ? a.columns : a.rows;
  if (c.rows == 0 || c.columns == 0) return;
  loaded().gemm[four(c.dtype)](trans_a, trans_b, &c.rows, &c.columns, &terms, by.bytes, a.data, &a.ld, b.data,
                               &b.ld, keep.bytes, c.data, &c.ld, 1, 1);
}

// Has diagonal_blocks.h kernels for such a matrix?
bool is_diagonal_block(const Block& a, Int most_rows = kMostInDiagonalBlock) {
  return !is_complex(a.dtype) && a.rows <= most_rows && a.columns <= kMostInDiagonalBlock;
}

// Halves of a matrix that is decomposed in two steps: whole vectors, mostly.
Int half_of(Int n) { return n / 2 < 16 ? n / 2 : n / 2 / 16 * 16; }

void substitute(const Triangle& t, const Block& a, const Block& b) {
  // X A = B is A^T X^T = B^T.
  const bool turned = t.transposed != t.right;
  TriangularSystem s{
      a.data, 1, a.ld, b.data, 1, b.ld, a.rows, t.right ? b.rows : b.columns, t.upper != turned, t.unit};
  if (turned) std::swap(s.a_row, s.a_column);
  if (t.right) std::swap(s.b_row, s.b_column);
  diagonal_blocks_table().substitute[four(a.dtype)](s);
}

// As blocked_triangular(), on one thread.
void solve(const Triangle& t, const Block& a, const Block& b, bool conjugate) {
  const Int n = a.rows;
  const char *uplo = t.upper ? "U" : "L", *diag = t.unit ? "U" : "N",
             *trans = !t.transposed ? "N"
                      : conjugate   ? "C"
                                    : "T";
  // x A = b is A^T x^T = b^T.
  const bool vector = t.right ? b.rows == 1 && *trans != 'C' : b.columns == 1;
  const char* const turned = !t.right ? trans : *trans == 'N' ? "T" : "N";
  if (vector && (*turned == 'N' || n > kMostInDiagonalBlock)) {  // small transposes: what follows is faster
    const Int step = t.right ? b.ld : 1;
    loaded().trsv[four(b.dtype)](uplo, turned, diag, &n, a.data, &a.ld, b.data, &step, 1, 1, 1);
    return;
  }
  if (is_diagonal_block(a)) return substitute(t, a, b);
  if (is_complex(a.dtype) && n <= kPanel) {
    const Number one(b.dtype, 1);
    loaded().trsm[four(b.dtype)](t.right ? "R" : "L", uplo, trans, diag, &b.rows, &b.columns, one.bytes,
                                 a.data, &a.ld, b.data, &b.ld, 1, 1, 1, 1);
    return;
  }
  // One half after the other: op(A) is lower, and its first rows are solved for first, or it is upper.
  const Int half = half_of(n), rest = n - half;
  const Block first = a.part(0, 0, half, half), second = a.from(half, half),
              between = t.upper ? a.part(0, half, half, rest) : a.part(half, 0, rest, half);
  const Block b1 = t.right ? b.part(0, 0, b.rows, half) : b.part(0, 0, half, b.columns),
              b2 = t.right ? b.from(0, half) : b.from(half, 0);
  const bool forwards = (t.upper == t.transposed) != t.right;
  const Block &known = forwards ? b1 : b2, &open = forwards ? b2 : b1;
  solve(t, forwards ? first : second, known, conjugate);
  if (t.right)
    add_product(-1, "N", known, trans, between, 1, open);
  else
    add_product(-1, trans, between, "N", known, 1, open);
  solve(t, forwards ? second : first, open, conjugate);
}

// ---- Cholesky

bool is_nan(const char* real, DType dtype) {
  return two(dtype) == 0 ? std::isnan(*reinterpret_cast<const float*>(real))
                         : std::isnan(*reinterpret_cast<const double*>(real));
}

// The upper triangle of C -= A^H A, in tiles.
void subtract_square(const Block& a, const Block& c) {
  const Number one(c.dtype, 1), minus_one(c.dtype, -1);
  const Int most = c.columns * c.columns * a.rows > 2000000 ? 2 * num_threads() : 1;
  const Int width = (c.columns + most - 1) / most, wide = std::max<Int>((width + 15) / 16 * 16, 64);
  const Int count = (c.columns + wide - 1) / wide;
  std::vector<std::pair<Int, Int>> tiles;  // in order of their columns: equal parts are about equal work
  for (Int j = 0; j < count; ++j)
    for (Int i = 0; i <= j; ++i) tiles.emplace_back(i, j);
  parallel_for(int64_t{0}, static_cast<int64_t>(tiles.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t t = first; t < last; ++t) {
      const Int row = tiles[static_cast<size_t>(t)].first * wide,
                column = tiles[static_cast<size_t>(t)].second * wide;
      const Int rows = std::min(wide, c.rows - row), columns = std::min(wide, c.columns - column);
      const Block to = c.part(row, column, rows, columns), right = a.part(0, column, a.rows, columns);
      if (row == column)
        loaded().herk[four(c.dtype)]("U", adjoint(c.dtype), &columns, &a.rows, minus_one.bytes, right.data,
                                     &a.ld, one.bytes, to.data, &to.ld, 1, 1);
      else
        add_product(-1, adjoint(c.dtype), a.part(0, row, a.rows, rows), "N", right, 1, to);
    }
  });
}

}  // namespace

int32_t blocked_cholesky(const Block& a) {
  const Int n = a.columns;
  if (is_diagonal_block(a)) return diagonal_blocks_table().cholesky[four(a.dtype)](a);
  if (is_complex(a.dtype) && n <= 2 * kPanel) {
    const Functions& f = loaded();
    Int info = 0;
    f.potrf[four(a.dtype)]("U", &n, a.data, &a.ld, &info, 1);
    if (const int32_t found = narrowed(info, f.wide)) return found;
    for (Int j = 0; j < n; ++j)  // OpenBLAS minds no NaN on the diagonal, LAPACK does
      if (is_nan(a.at(j, j), a.dtype)) return static_cast<int32_t>(j + 1);
    return 0;
  }
  const Int half = half_of(n);
  const Block first = a.part(0, 0, half, half), right = a.part(0, half, half, n - half);
  if (const int32_t info = blocked_cholesky(first)) return info;
  blocked_triangular({.upper = true, .unit = false, .transposed = true, .right = false}, first, right, true);
  const Block rest = a.from(half, half);
  subtract_square(right, rest);
  const int32_t info = blocked_cholesky(rest);
  return info ? static_cast<int32_t>(info + half) : 0;
}

void blocked_triangular(const Triangle& t, const Block& a, const Block& b, bool conjugate) {
  share(t.right ? b.rows : b.columns, a.rows * a.rows / 2, [&](Int first, Int last) {
    const Int count = last - first;
    solve(t, a, t.right ? b.part(first, 0, count, b.columns) : b.part(0, first, b.rows, count), conjugate);
  });
}

// ---- LU

namespace {

// Rows k and pivots[k] - 1 of a column after the other, which are in the caches then.
template <class T>
void exchange_rows(const Block& a, const int32_t* pivots, Int count) {
  for (Int j = 0; j < a.columns; ++j) {
    T* const column = reinterpret_cast<T*>(a.at(0, j));
    for (Int k = 0; k < count; ++k) std::swap(column[k], column[pivots[k] - 1]);
  }
}
void exchange_rows(const Block& a, const int32_t* pivots, Int count) {
  switch (itemsize(a.dtype)) {
    case 4: return exchange_rows<float>(a, pivots, count);
    case 8: return exchange_rows<double>(a, pivots, count);
    default: return exchange_rows<std::complex<double>>(a, pivots, count);
  }
}

int32_t lu_of_panel(const Block& a, int32_t* pivots) {
  const Functions& f = loaded();
  const Int least = std::min(a.rows, a.columns);
  std::vector<Int> exchanged(static_cast<size_t>(least));
  Int info = 0;
  f.getrf[four(a.dtype)](&a.rows, &a.columns, a.data, &a.ld, exchanged.data(), &info);
  narrow_all(pivots, exchanged.data(), least, f.wide);
  return narrowed(info, f.wide);
}

}  // namespace

int32_t blocked_lu(const Block& a, int32_t* pivots) {
  const Int least = std::min(a.rows, a.columns);
  if (is_diagonal_block(a, kMostRowsOfPanel)) return diagonal_blocks_table().lu[four(a.dtype)](a, pivots);
  const bool low = !is_complex(a.dtype) && a.rows <= kMostRowsOfPanel;
  const Int panel = low ? kMostInDiagonalBlock : kPanel;
  if (a.columns <= panel) return lu_of_panel(a, pivots);
  const Int count = least <= panel ? least : half_of(least), rest = a.columns - count;
  const Block left = a.part(0, 0, a.rows, count), right = a.part(0, count, a.rows, rest);
  int32_t info = blocked_lu(left, pivots);
  share(rest, count * a.rows, [&](Int first, Int last) {
    const Block columns = right.part(0, first, a.rows, last - first);
    const Block top = columns.part(0, 0, count, columns.columns);
    exchange_rows(columns, pivots, count);
    solve({.upper = false, .unit = true, .transposed = false, .right = false}, left.part(0, 0, count, count),
          top, false);
    add_product(-1, "N", left.from(count, 0), "N", top, 1, columns.from(count, 0));
  });
  if (least == count) return info;
  const int32_t next = blocked_lu(right.from(count, 0), pivots + count);
  if (info == 0 && next > 0) info = next + static_cast<int32_t>(count);
  const Block below = left.from(count, 0);
  share(count, 4 * (least - count), [&](Int first, Int last) {
    exchange_rows(below.part(0, first, below.rows, last - first), pivots + count, least - count);
  });
  for (Int k = count; k < least; ++k) pivots[k] += static_cast<int32_t>(count);
  return info;
}

// ---- QR

namespace {

// The reflectors of a panel as I - V T V^H, with memory for V and T.
class Reflectors {
 public:
  explicit Reflectors(const Block& a)
      : dtype_(a.dtype),
        v_memory_(memory_for(a.dtype, a.rows * kReflectors)),
        t_memory_(memory_for(a.dtype, kReflectors * kReflectors)) {}

  // V is what a panel has below its diagonal, and ones there. T is still to be found.
  void take(const Block& panel) {
    const size_t size = itemsize(dtype_);
    const Number one(dtype_, 1);
    v_ = {dtype_, v_memory_.get(), panel.rows, panel.columns, panel.rows};
    t_ = {dtype_, t_memory_.get(), panel.columns, panel.columns, kReflectors};
    for (Int j = 0; j < panel.columns; ++j) {
      std::memset(v_.at(0, j), 0, static_cast<size_t>(j) * size);
      std::memcpy(v_.at(j, j), one.bytes, size);
      std::memcpy(v_.at(j, j) + size, panel.at(j, j) + size, static_cast<size_t>(panel.rows - j - 1) * size);
    }
  }
  // Decomposes a panel, and takes its reflectors.
  void find(const Block& panel, char* tau) {
    Int info = 0;
    const Int ldt = kReflectors;
    clear();
    loaded().geqrt3[four(dtype_)](&panel.rows, &panel.columns, panel.data, &panel.ld, t_memory_.get(), &ldt,
                                  &info);
    take(panel);
    for (Int k = 0; k < panel.columns; ++k)
      std::memcpy(tau + k * static_cast<Int>(itemsize(dtype_)), t_.at(k, k), itemsize(dtype_));
  }
  // Takes those that a panel has already.
  void find_again(const Block& panel, const char* tau) {
    clear();
    take(panel);
    loaded().larft[four(dtype_)]("F", "C", &v_.rows, &v_.columns, v_.data, &v_.ld, tau, t_.data, &t_.ld, 1,
                                 1);
  }

  // C becomes (I - V T V^H) C, or with `back` the adjoint's product.
  void apply(const Block& c, bool back) const {
    share(c.columns, 4 * v_.rows * v_.columns, [&](Int first, Int last) {
      const Block part = c.part(0, first, c.rows, last - first);
      const auto memory = memory_for(dtype_, 2 * v_.columns * part.columns);
      const Block w{dtype_, memory.get(), v_.columns, part.columns, v_.columns};
      const Block tw{dtype_, w.at(0, w.columns), w.rows, w.columns, w.ld};
      add_product(1, adjoint(dtype_), v_, "N", part, 0, w);
      add_product(1, back ? adjoint(dtype_) : "N", t_, "N", w, 0, tw);
      add_product(-1, "N", v_, "N", tw, 1, part);
    });
  }

 private:
  void clear() {
    std::memset(t_memory_.get(), 0, static_cast<size_t>(kReflectors * kReflectors) * itemsize(dtype_));
  }

  DType dtype_;
  std::unique_ptr<char[]> v_memory_, t_memory_;
  Block v_{}, t_{};
};

bool is_one_panel(const Block& a) { return a.columns <= kReflectors && a.rows < kShort; }

}  // namespace

void blocked_qr(const Block& a, void* tau, const Block* beside) {
  const Int least = std::min(a.rows, a.columns);
  if (is_one_panel(a) && !beside) {
    Int info = 0;
    const auto memory = memory_for(a.dtype, a.columns);
    loaded().geqr2[four(a.dtype)](&a.rows, &a.columns, a.data, &a.ld, tau, memory.get(), &info);
    return;
  }
  Reflectors reflectors(a);
  for (Int j = 0; j < least; j += kReflectors) {
    const Block panel = a.part(j, j, a.rows - j, std::min(kReflectors, least - j));
    reflectors.find(panel, static_cast<char*>(tau) + j * static_cast<Int>(itemsize(a.dtype)));
    reflectors.apply(a.from(j, j + panel.columns), true);
    if (beside) reflectors.apply(beside->from(j, 0), true);
  }
}

void blocked_q(const Block& a, int64_t count, const void* tau) {
  if (is_one_panel(a)) {
    Int info = 0;
    const auto memory = memory_for(a.dtype, a.columns);
    loaded().org2r[four(a.dtype)](&a.rows, &a.columns, &count, a.data, &a.ld, tau, memory.get(), &info);
    return;
  }
  const auto size = static_cast<Int>(itemsize(a.dtype));
  const Number one(a.dtype, 1);
  const auto unit_columns = [&](Int first, Int last) {
    for (Int j = first; j < last; ++j) {
      std::memset(a.at(0, j), 0, static_cast<size_t>(a.rows * size));
      std::memcpy(a.at(j, j), one.bytes, static_cast<size_t>(size));
    }
  };
  unit_columns(count, a.columns);
  Reflectors reflectors(a);
  for (Int j = (count - 1) / kReflectors * kReflectors; j >= 0; j -= kReflectors) {
    const Int columns = std::min(kReflectors, count - j);
    reflectors.find_again(a.part(j, j, a.rows - j, columns), static_cast<const char*>(tau) + j * size);
    unit_columns(j, j + columns);
    reflectors.apply(a.from(j, j), false);
  }
}

// ---- sums

namespace {

// f(x) of the numbers of a part added up; complex ones count as two.
template <class T, class F>
double sum(const Block& a, Part part, const F& f) {
  constexpr Int kLanes = 8;
  const Int numbers = is_complex(a.dtype) ? 2 : 1;
  double all = 0;
  for (Int j = 0; j < a.columns; ++j) {
    const Int first = part == Part::Lower ? j : 0, last = part == Part::Upper ? j + 1 : a.rows;
    const T* const column = reinterpret_cast<const T*>(a.at(first, j));
    const Int count = (last - first) * numbers, whole = count / kLanes * kLanes;
    T lanes[kLanes] = {};
    for (Int i = 0; i < whole; i += kLanes)
      for (Int lane = 0; lane < kLanes; ++lane) lanes[lane] += f(column[i + lane]);
    for (Int i = whole; i < count; ++i) lanes[0] += f(column[i]);
    for (const T lane : lanes) all += static_cast<double>(lane);
  }
  return all;
}
template <class F>
double sum(const Block& a, Part part, const F& f) {
  return two(a.dtype) == 0 ? sum<float>(a, part, f) : sum<double>(a, part, f);
}
double sum_of_squares(const Block& a, Part part) {
  return sum(a, part, [](auto x) { return x * x; });
}

}  // namespace

bool is_finite(const Block& a, Part part) {  // infinity times zero is NaN, and so is all that follows
  return sum(a, part, [](auto x) { return x * decltype(x)(0); }) == 0;
}

bool is_ordinary(const Block& a) {
  const double squares = sum_of_squares(a, Part::All);
  return two(a.dtype) == 0 ? squares > FLT_MIN / FLT_EPSILON && squares < FLT_MAX * FLT_EPSILON
                           : squares > DBL_MIN / DBL_EPSILON && squares < DBL_MAX * DBL_EPSILON;
}

// ---- least squares

namespace {

// The upper triangle becomes that of the inverse, but for signs. Returned: LAPACK's info.
Int invert_but_for_signs(const Block& r) {
  const Int n = r.columns, half = n / 2 / 16 * 16;
  Int info = 0;
  if (n <= kPanel) {
    loaded().trtri[four(r.dtype)]("U", "N", &n, r.data, &r.ld, &info, 1, 1);
    return narrowed(info, loaded().wide);
  }
  const Block first = r.part(0, 0, half, half), rest = r.from(half, half),
              right = r.part(0, half, half, n - half);
  blocked_triangular(kUpper, first, right);
  blocked_triangular({.upper = true, .unit = false, .transposed = false, .right = true}, rest, right);
  info = invert_but_for_signs(first);
  return info ? info : invert_but_for_signs(rest);
}

// Is the condition number of an upper triangle below `most` for certain? Frobenius' norm is no less than the
// 2-norm, by which condition numbers are meant.
bool condition_is_below(const Block& r, double most) {
  const Int n = r.columns;
  const auto memory = memory_for(r.dtype, n * n);
  const Block inverse{r.dtype, memory.get(), n, n, n};
  for (Int j = 0; j < n; ++j)
    std::memcpy(inverse.at(0, j), r.at(0, j), static_cast<size_t>(j + 1) * itemsize(r.dtype));
  const auto norm = [](const Block& m) { return std::sqrt(sum_of_squares(m, Part::Upper)); };
  return invert_but_for_signs(inverse) == 0 && norm(r) * norm(inverse) < most;  // NaN is not
}

}  // namespace

bool blocked_least_squares(const Block& a, const Block& b, double most) {
  const Int n = a.columns;
  const auto tau = memory_for(a.dtype, n);
  blocked_qr(a, tau.get(), &b);
  const Block r = a.part(0, 0, n, n);
  if (condition_is_below(r, most)) {
    blocked_triangular(kUpper, r, b.part(0, 0, n, b.columns));
    return true;
  }
  for (Int j = 0; j + 1 < n; ++j)
    std::memset(r.at(j + 1, j), 0, static_cast<size_t>(n - j - 1) * itemsize(a.dtype));
  return false;
}

}  // namespace plait::cpu
