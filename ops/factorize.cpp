// From tensors to what a library of decompositions takes, and back.
//
// LAPACK's matrices lie column by column, and are overwritten. So a result is memory with those strides, into
// which the argument is copied; it stays as it lies, since no op minds. What is its own transpose, but for
// conjugates, is copied row by row and its other triangle taken.
#include "ops/factorize.h"

#include <algorithm>

#include "core/op.h"
#include "ops/cpu/small_matrices.h"
#include "ops/decl/complex.h"
#include "ops/decl/copy.h"
#include "ops/decl/create_range.h"
#include "ops/decl/factorizations.h"
#include "ops/decl/index.h"
#include "ops/decl/rearrange.h"
#include "ops/decl/sort.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"

namespace plait::factorize {

// ---- arguments

namespace {

Tensor plain(const Dims& sizes, const Tensor& like, DType dtype) {
  return empty_tensor(sizes, dtype, like.device());
}

// Matrices without gaps, column by column.
Tensor by_columns(const Dims& sizes, const Tensor& like, DType dtype) {
  Dims strides(sizes.size(), 1);
  const int n = sizes.size();
  const int64_t rows = std::max<int64_t>(sizes[n - 2], 1), columns = std::max<int64_t>(sizes[n - 1], 1);
  strides[n - 1] = rows;
  int64_t stride = rows * columns;
  for (int d = n - 2; d-- > 0;) {
    strides[d] = stride;
    stride *= std::max<int64_t>(sizes[d], 1);
  }
  return empty_tensor(TensorSpec(sizes, dtype, like.device(), strides));
}
Tensor copied_by_columns(const Tensor& source, DType dtype) {
  const Tensor copy = by_columns(source.sizes(), source, dtype);
  if (copy.numel() == 0) return copy;
  const Matrices to = matrices_of(copy);
  if (cpu::is_small(to) && dtype == source.dtype() && source.is_cpu() && source.is_contiguous())
    cpu::small_transpose(to, source.data_ptr());
  else
    plait::copy_(copy, source);
  return copy;
}
}  // namespace

void check_matrices(const char* op, const Tensor& t, bool square) {
  check(t.dim() >= 2, "{}: expected matrices (..., m, n), got shape {}", op, t.sizes());
  check(!square || t.size(-1) == t.size(-2), "{}: expected square matrices, got shape {}", op, t.sizes());
}

// The batch's sizes, and then these.
Dims batch_and(const Tensor& t, std::initializer_list<int64_t> last, int without) {
  Dims sizes;
  for (int d = 0; d < t.dim() - without; ++d) sizes.push_back(t.sizes()[d]);
  for (const int64_t n : last) sizes.push_back(n);
  return sizes;
}

Tensor new_info(const Tensor& self) {
  const Tensor info = plain(batch_and(self, {}), self, DType::Int32);
  // What is not decomposed, because it is empty, went well.
  if (info.is_cpu())
    std::fill_n(info.data<int32_t>(), info.numel(), 0);
  else
    plait::zero_(info);
  return info;
}

Tensor copied_by_columns(const Tensor& source) { return copied_by_columns(source, source.dtype()); }

// For the library: what by_columns() gave, or a contiguous tensor, which is then taken for its transpose.
Matrices matrices_of(const Tensor& t, bool rows_as_columns) {
  int64_t rows = t.size(-2), columns = t.size(-1);
  if (rows_as_columns) std::swap(rows, columns);
  const int64_t each = rows * columns;
  return {
      t.data_ptr(), t.dtype(), rows, columns, std::max<int64_t>(rows, 1), each, each ? t.numel() / each : 0};
}

// What goes with a batch of square matrices.
void check_right_side(const char* op, const Tensor& self, const Tensor& other) {
  check_matrices(op, self, true);
  check_matrices(op, other, false);
  check(self.size(-1) == other.size(-2) && self.device() == other.device() &&
            batch_and(self, {}) == batch_and(other, {}),
        "{}: expected A (..., n, n) and B (..., n, k) with the same batch on one device, got {} on {} and {} "
        "on {}",
        op, self.sizes(), self.device(), other.sizes(), other.device());
  check<TypeError>(self.dtype() == other.dtype(), "{}: expected one dtype, got A of {} and B of {}", op,
                   self.dtype(), other.dtype());
}

namespace {

// The transposes, as they lie. A result is no view of what only the op knows.
Tensor turned(const Tensor& t) { return detached_alias(plait::transpose(t, -2, -1)); }

Tensor none_of(const Tensor& self, DType dtype) { return plain(Dims{0}, self, dtype); }

void start(const MatrixLibrary& library, const char* op, const Tensor& self, bool square) {
  library.require(op);
  check_matrices(op, self, square);
}

}  // namespace

// ---- Cholesky, LU

Pair cholesky(const MatrixLibrary& library, const Tensor& self) {
  start(library, "_linalg_cholesky", self, true);
  const Tensor info = new_info(self);
  // Row by row it lies as the upper triangle of A^T = conj(A), of which U^H U = L^* L^T is wanted: the same.
  const Tensor factor = self.numel() ? plait::tril(self) : plain(self.sizes(), self, self.dtype());
  if (self.numel()) library.cholesky(matrices_of(factor, true), info.data<int32_t>());
  return std::tuple(factor, info);
}

Triple lu(const MatrixLibrary& library, const Tensor& self, bool pivot) {
  start(library, "_linalg_lu", self, false);
  const int64_t least = std::min(self.size(-2), self.size(-1));
  const Tensor info = new_info(self), packed = copied_by_columns(self),
               pivots = plain(batch_and(self, {least}), self, DType::Int32);
  if (!pivot) plait::copy_(pivots, plait::arange(Scalar(1), Scalar(least + 1), DType::Int32, self.device()));
  if (self.numel())
    library.lu(matrices_of(packed), pivot ? pivots.data<int32_t>() : nullptr, info.data<int32_t>());
  return std::tuple(packed, pivots, info);
}

// ---- triangular systems

namespace {

// One stride for all dimensions of the batch; false where there is none.
bool find_batch(Matrices& m, const Tensor& t) {
  m.batch = 1;
  m.stride = 0;
  for (int d = static_cast<int>(t.dim()) - 2; d-- > 0;) {
    const int64_t size = t.sizes()[d], stride = t.strides()[d];
    if (size == 1) continue;
    if (m.batch == 1)
      m.stride = stride;
    else if (stride != m.stride * m.batch)
      return false;
    m.batch *= size;
  }
  return m.stride >= 0;
}

// How the library may read matrices as they lie, as themselves (`turned` false) or as their transposes; false
// where neither goes.
bool find_layout(Matrices& m, bool& turned, const Tensor& t) {
  const int64_t rows = t.size(-2), columns = t.size(-1);
  const auto one = [](int64_t size, int64_t stride) { return size == 1 || stride == 1; };
  m.data = t.data_ptr();
  m.dtype = t.dtype();
  m.rows = rows, m.columns = columns;
  if (one(columns, t.stride(-1)) && (rows == 1 || t.stride(-2) >= columns)) {
    turned = true;
    std::swap(m.rows, m.columns);
    m.ld = rows == 1 ? columns : t.stride(-2);
  } else if (one(rows, t.stride(-2)) && (columns == 1 || t.stride(-1) >= rows)) {
    turned = false;
    m.ld = columns == 1 ? rows : t.stride(-1);
  } else {
    return false;
  }
  return find_batch(m, t);
}

bool lies_by_columns(const Tensor& t) { return t.stride(-2) == 1 && t.stride(-1) >= t.size(-2); }

// x, contiguous or by columns, becomes A^-1 x.
void substitute(const MatrixLibrary& library, const Tensor& self, const Tensor& x, bool upper, bool unit,
                bool by_columns) {
  Matrices a;
  bool turned = false;
  Tensor matrix = self;
  if (!find_layout(a, turned, matrix)) find_layout(a, turned, matrix = plait::contiguous(self));
  // With X' and A' for what the library sees: A X = B, or where X is turned, X' A^T = B'.
  library.triangular({upper != turned, unit, turned == by_columns, !by_columns}, a,
                     matrices_of(x, !by_columns));
}

}  // namespace

Tensor solve_triangular(const MatrixLibrary& library, const Tensor& self, const Tensor& other, bool upper,
                        bool unit) {
  library.require("_linalg_solve_triangular");
  check_right_side("_linalg_solve_triangular", self, other);
  const bool columns = lies_by_columns(other);
  const Tensor x = columns ? copied_by_columns(other) : plain(other.sizes(), other, other.dtype());
  if (x.numel() == 0) return x;
  if (!columns) plait::copy_(x, other);
  substitute(library, self, x, upper, unit, columns);
  return x;
}

Tensor lu_solve(const MatrixLibrary& library, const Tensor& self, const Tensor& pivots, const Tensor& other,
                bool adjoint) {
  const char* const name = "_linalg_lu_solve";
  library.require(name);
  check_right_side(name, self, other);
  check(pivots.dtype() == DType::Int32 && pivots.device() == self.device() &&
            pivots.sizes() == batch_and(self, {self.size(-1)}),
        "{}: expected pivots of dtype int32 and shape {} on {}, got {} {} on {}", name,
        batch_and(self, {self.size(-1)}), self.device(), pivots.dtype(), pivots.sizes(), pivots.device());
  if (other.numel() == 0) return plain(other.sizes(), other, other.dtype());
  const Tensor order = plait::_linalg_row_order(pivots, self.size(-1));
  const auto rows_of = [](const Tensor& t, const Tensor& from) {
    return plait::contiguous(plait::gather(t, -2, plait::expand(plait::unsqueeze(from, -1), t.sizes())));
  };
  if (!adjoint) {
    const Tensor x = rows_of(other, order);
    substitute(library, self, x, false, true, false);
    substitute(library, self, x, true, false, false);
    return x;
  }
  const Tensor x = plain(other.sizes(), other, other.dtype());
  plait::copy_(x, other);
  const Tensor dual = turned(is_complex(self.dtype()) ? plait::conj(self) : self);
  substitute(library, dual, x, false, false, false);
  substitute(library, dual, x, true, true, false);
  return rows_of(x, plait::argsort(order, -1));
}

// ---- QR

namespace {

// One on the diagonal, zero elsewhere.
Tensor unit_columns(const Dims& sizes, const Tensor& like) {
  const Tensor result = by_columns(sizes, like, like.dtype());
  if (result.numel() == 0) return result;
  plait::zero_(result);
  plait::fill_(plait::diagonal(result, 0, -2, -1), wrapped_scalar(1));
  return result;
}

// `columns` columns of the product of reflectors, which stand in the first ones of `packed` (by columns).
Tensor product_of_reflectors(const MatrixLibrary& library, const Tensor& packed, const Tensor& tau,
                             int64_t columns) {
  const Matrices from = matrices_of(packed);
  const Tensor q = by_columns(batch_and(packed, {from.rows, columns}), packed, packed.dtype());
  const int64_t count = tau.size(-1);
  if (library.q_of(from, matrices_of(q), count, tau.data_ptr())) return q;
  plait::copy_(plait::narrow(q, -1, 0, count), plait::narrow(packed, -1, 0, count));
  library.q(matrices_of(q), count, tau.data_ptr());
  return q;
}

}  // namespace

Pair qr(const MatrixLibrary& library, const Tensor& self, std::string_view mode) {
  start(library, "_linalg_qr", self, false);
  check(mode == "reduced" || mode == "complete" || mode == "r" || mode == "raw",
        "_linalg_qr: expected mode 'reduced', 'complete', 'r' or 'raw', got '{}'", mode);
  const int64_t rows = self.size(-2), least = std::min(rows, self.size(-1));
  const bool complete = mode == "complete", raw = mode == "raw";
  if (self.numel() == 0 && raw)
    return std::tuple(plain(self.sizes(), self, self.dtype()),
                      plain(batch_and(self, {least}), self, self.dtype()));
  if (self.numel() == 0) {
    const Dims q_sizes = batch_and(self, {rows, complete ? rows : least});
    const Tensor r = plain(batch_and(self, {complete ? rows : least, self.size(-1)}), self, self.dtype());
    return std::tuple(mode == "r" ? plain(Dims{0}, self, self.dtype()) : unit_columns(q_sizes, self), r);
  }
  const Tensor packed = copied_by_columns(self), tau = plain(batch_and(self, {least}), self, self.dtype());
  library.qr(matrices_of(packed), tau.data_ptr());
  if (raw) return std::tuple(packed, tau);
  const Tensor r = plait::triu(complete ? packed : plait::narrow(packed, -2, 0, least));
  if (mode == "r") return std::tuple(plain(Dims{0}, self, self.dtype()), r);
  return std::tuple(product_of_reflectors(library, packed, tau, complete ? rows : least), r);
}

Tensor householder_product(const MatrixLibrary& library, const Tensor& self, const Tensor& given) {
  const char* const name = "_linalg_householder_product";
  start(library, name, self, false);
  check(self.size(-2) >= self.size(-1) && given.dim() == self.dim() - 1 && given.size(-1) <= self.size(-1) &&
            batch_and(self, {}) == batch_and(given, {}, 1) && given.device() == self.device(),
        "{}: expected A (..., m, n) with m >= n and tau (..., k) with n >= k on one device, got {} and {}",
        name, self.sizes(), given.sizes());
  check<TypeError>(self.dtype() == given.dtype(), "{}: expected one dtype, got A of {} and tau of {}", name,
                   self.dtype(), given.dtype());
  if (given.numel() == 0) return unit_columns(self.sizes(), self);
  return product_of_reflectors(library, copied_by_columns(self), plait::contiguous(given), self.size(-1));
}

// ---- eigenvalues, singular values

Triple eigh(const MatrixLibrary& library, const Tensor& self, bool upper, bool vectors) {
  start(library, "_linalg_eigh", self, true);
  const Tensor info = new_info(self), found = copied_by_columns(self),
               values = plain(batch_and(self, {self.size(-1)}), self, to_real(self.dtype()));
  if (self.numel()) library.eigh(matrices_of(found), upper, vectors, values.data_ptr(), info.data<int32_t>());
  return std::tuple(values, vectors ? found : none_of(self, self.dtype()), info);
}

Quadruple svd(const MatrixLibrary& library, const Tensor& self, bool full, bool vectors) {
  start(library, "_linalg_svd", self, false);
  const int64_t rows = self.size(-2), columns = self.size(-1), least = std::min(rows, columns);
  const DType dtype = self.dtype();
  const Tensor info = new_info(self), s = plain(batch_and(self, {least}), self, to_real(dtype));
  const bool all =
      full || (self.numel() && library.svd_is_full(rows, columns, self.numel() / (rows * columns)));
  const int64_t right_count = all ? columns : least;
  const Dims u_sizes = batch_and(self, {rows, all ? rows : least}),
             v_sizes = batch_and(self, {columns, right_count});
  if (self.numel() == 0) {
    const Tensor none = none_of(self, dtype);
    return std::tuple(vectors ? unit_columns(u_sizes, self) : none, s,
                      vectors ? turned(unit_columns(v_sizes, self)) : none, info);
  }
  const bool adjoint = library.svd_gives_adjoint();
  const Tensor a = copied_by_columns(self), u = by_columns(u_sizes, self, dtype),
               v = by_columns(adjoint ? batch_and(self, {right_count, columns}) : v_sizes, self, dtype);
  library.svd(matrices_of(a), matrices_of(u), s.data_ptr(), matrices_of(v), vectors, info.data<int32_t>());
  if (!vectors) return std::tuple(none_of(self, dtype), s, none_of(self, dtype), info);
  Tensor left = u, right = adjoint ? v : turned(v);
  if (!full) {
    left = detached_alias(plait::narrow(left, -1, 0, least));
    right = detached_alias(plait::narrow(right, -2, 0, least));
  }
  if (is_complex(dtype) && !adjoint) right = plait::conj(right);
  return std::tuple(left, s, right, info);
}

Triple eig(const MatrixLibrary& library, const Tensor& self, bool vectors) {
  start(library, "_linalg_eig", self, true);
  const DType dtype = to_complex(self.dtype());
  const Tensor info = new_info(self), values = plain(batch_and(self, {self.size(-1)}), self, dtype),
               found = by_columns(self.sizes(), self, dtype);
  if (self.numel())
    library.eig(matrices_of(copied_by_columns(self, library.eig_takes_real() ? self.dtype() : dtype)),
                values.data_ptr(), matrices_of(found), vectors, info.data<int32_t>());
  return std::tuple(values, vectors ? found : none_of(self, dtype), info);
}

}  // namespace plait::factorize
