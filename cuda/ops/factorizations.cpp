// Decompositions of matrices: from tensors to what cuSOLVER takes, and back.
//
// LAPACK's matrices lie column by column, and are overwritten. So a result is memory with those strides, into
// which the argument is copied; it stays as it lies, since no op minds. What is its own transpose, but for
// conjugates, is copied row by row and its other triangle taken.
#include "ops/decl/factorizations.h"

#include <algorithm>

#include "cuda/attach.h"
#include "cuda/kernels/factorizations.h"
#include "cuda/ops/elementwise.h"
#include "cuda/ops/index_plan.h"
#include "cuda/vendor/cusolver.h"
#include "ops/decl/complex.h"
#include "ops/decl/copy.h"
#include "ops/decl/create_range.h"
#include "ops/decl/index.h"
#include "ops/decl/rearrange.h"
#include "ops/decl/sort.h"
#include "ops/decl/view.h"
#include "ops/decl/view_split.h"

namespace plait::cuda {
namespace {

// ---- arguments

void require(const char* op) {
  check<RuntimeError>(
      cusolver_is_available(),
      "{}: cuSOLVER was not found; pip install nvidia-cusolver (or set LD_LIBRARY_PATH to the "
      "folder of libcusolver.so.12)",
      op);
}
void check_matrices(const char* op, const Tensor& t, bool square) {
  require(op);
  check(t.dim() >= 2, "{}: expected matrices (..., m, n), got shape {}", op, t.sizes());
  check(!square || t.size(-1) == t.size(-2), "{}: expected square matrices, got shape {}", op, t.sizes());
}

// The batch's sizes, and then these.
Dims batch_and(const Tensor& t, std::initializer_list<int64_t> last, int without = 2) {
  Dims sizes;
  for (int d = 0; d < t.dim() - without; ++d) sizes.push_back(t.sizes()[d]);
  for (const int64_t n : last) sizes.push_back(n);
  return sizes;
}

Tensor plain(const Dims& sizes, const Tensor& like, DType dtype) {
  return empty_tensor(sizes, dtype, like.device());
}
Tensor new_info(const Tensor& self) {
  const Tensor info = plain(batch_and(self, {}), self, DType::Int32);
  zero_fill(info);  // what is not decomposed, because it is empty, went well
  return info;
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
  if (copy.numel()) copy_on_device(copy, source);
  return copy;
}
Tensor copied_by_columns(const Tensor& source) { return copied_by_columns(source, source.dtype()); }

// For the library: what by_columns() gave, or a contiguous tensor, which is then taken for its transpose.
Matrices matrices_of(const Tensor& t, bool rows_as_columns = false) {
  int64_t rows = t.size(-2), columns = t.size(-1);
  if (rows_as_columns) std::swap(rows, columns);
  const int64_t each = rows * columns;
  return {
      t.data_ptr(), t.dtype(), rows, columns, std::max<int64_t>(rows, 1), each, each ? t.numel() / each : 0};
}

// The transposes, as they lie. A result is no view of what only the op knows.
Tensor turned(const Tensor& t) { return detached_alias(plait::transpose(t, -2, -1)); }

// ---- Cholesky, LU

CudaDirect cholesky(op::_linalg_cholesky, [](const Tensor& self) {
  check_matrices("_linalg_cholesky", self, true);
  const Tensor info = new_info(self);
  // Row by row it lies as the upper triangle of A^T = conj(A), of which U^H U = L^* L^T is wanted: the same.
  const Tensor factor = plait::tril(self);
  if (self.numel()) cusolver_cholesky(matrices_of(factor, true), true, info.data<int32_t>());
  return std::tuple(factor, info);
});

CudaDirect lu(op::_linalg_lu, [](const Tensor& self, bool pivot) {
  check_matrices("_linalg_lu", self, false);
  const int64_t least = std::min(self.size(-2), self.size(-1));
  const Tensor info = new_info(self), packed = copied_by_columns(self),
               pivots = plain(batch_and(self, {least}), self, DType::Int32);
  if (!pivot)
    copy_on_device(pivots, plait::arange(Scalar(1), Scalar(least + 1), DType::Int32, self.device()));
  if (self.numel())
    cusolver_lu(matrices_of(packed), pivot ? pivots.data<int32_t>() : nullptr, info.data<int32_t>());
  return std::tuple(packed, pivots, info);
});

CudaKernel row_order(op::_linalg_row_order, [](const Tensor& out, const Tensor& given, int64_t rows) {
  if (out.numel() == 0) return;
  const Tensor pivots = cuda::contiguous(given);
  const Tensor order = out.is_contiguous() ? out : plain(out.sizes(), out, DType::Int64);
  order_rows({order.data<int64_t>(), pivots.data<int32_t>(), out.numel() / rows, static_cast<int>(rows),
              static_cast<int>(pivots.size(-1))},
             "_linalg_row_order");
  if (!order.same(out)) copy_on_device(out, order);
});

// ---- triangular systems

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

// x, contiguous or by columns, becomes A^-1 x.
void substitute(const Tensor& self, const Tensor& x, bool upper, bool unit, bool by_columns) {
  Matrices a;
  bool turned = false;
  Tensor matrix = self;
  if (!find_layout(a, turned, matrix)) find_layout(a, turned, matrix = cuda::contiguous(self));
  // With X' and A' for what the library sees: A X = B, or where X is turned, X' A^T = B'.
  cusolver_triangular({upper != turned, unit, turned == by_columns, !by_columns}, a,
                      matrices_of(x, !by_columns));
}

CudaDirect solve_triangular(op::_linalg_solve_triangular, [](const Tensor& self, const Tensor& other,
                                                             bool upper, bool unit) {
  check_right_side("_linalg_solve_triangular", self, other);
  const bool columns = lies_by_columns(other);
  const Tensor x = columns ? copied_by_columns(other) : plain(other.sizes(), other, other.dtype());
  if (x.numel() == 0) return x;
  if (!columns) copy_on_device(x, other);
  substitute(self, x, upper, unit, columns);
  return x;
});

CudaDirect lu_solve(op::_linalg_lu_solve, [](const Tensor& self, const Tensor& pivots, const Tensor& other,
                                             bool adjoint) {
  const char* const name = "_linalg_lu_solve";
  check_right_side(name, self, other);
  check(pivots.dtype() == DType::Int32 && pivots.device() == self.device() &&
            pivots.sizes() == batch_and(self, {self.size(-1)}),
        "{}: expected pivots of dtype int32 and shape {} on {}, got {} {} on {}", name,
        batch_and(self, {self.size(-1)}), self.device(), pivots.dtype(), pivots.sizes(), pivots.device());
  if (other.numel() == 0) return plain(other.sizes(), other, other.dtype());
  const Tensor order = plait::_linalg_row_order(pivots, self.size(-1));
  const auto rows_of = [](const Tensor& t, const Tensor& from) {
    return cuda::contiguous(plait::gather(t, -2, plait::expand(plait::unsqueeze(from, -1), t.sizes())));
  };
  if (!adjoint) {
    const Tensor x = rows_of(other, order);
    substitute(self, x, false, true, false);
    substitute(self, x, true, false, false);
    return x;
  }
  const Tensor x = plain(other.sizes(), other, other.dtype());
  copy_on_device(x, other);
  const Tensor dual = turned(is_complex(self.dtype()) ? plait::conj(self) : self);
  substitute(dual, x, false, false, false);
  substitute(dual, x, true, true, false);
  return rows_of(x, plait::argsort(order, -1));
});

// ---- QR

// One on the diagonal, zero elsewhere.
Tensor unit_columns(const Dims& sizes, const Tensor& like) {
  const Tensor result = by_columns(sizes, like, like.dtype());
  zero_fill(result);
  plait::fill_(plait::diagonal(result, 0, -2, -1), wrapped_scalar(1));
  return result;
}

// `columns` columns of the product of reflectors, which stand in the first ones of `packed` (by columns). For
// many small matrices by one kernel of our own: the library has none, and takes launches for each matrix.
Tensor product_of_reflectors(const Tensor& packed, const Tensor& tau, int64_t columns) {
  const Matrices from = matrices_of(packed);
  const Tensor q = by_columns(batch_and(packed, {from.rows, columns}), packed, packed.dtype());
  const int64_t count = tau.size(-1);
  if (from.batch > 1 && from.rows <= ReflectorsPlan::kMostRows) {
    multiply_reflectors({q.data_ptr(), packed.data_ptr(), tau.data_ptr(), packed.dtype(), from.batch,
                         from.stride, static_cast<int>(from.rows), static_cast<int>(columns),
                         static_cast<int>(count)});
    return q;
  }
  copy_on_device(plait::narrow(q, -1, 0, count), plait::narrow(packed, -1, 0, count));
  cusolver_q(matrices_of(q), count, tau.data_ptr());
  return q;
}

CudaDirect qr(op::_linalg_qr, [](const Tensor& self, std::string_view mode) {
  check_matrices("_linalg_qr", self, false);
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
  cusolver_qr(matrices_of(packed), tau.data_ptr());
  if (raw) return std::tuple(packed, tau);
  const Tensor r = plait::triu(complete ? packed : plait::narrow(packed, -2, 0, least));
  if (mode == "r") return std::tuple(plain(Dims{0}, self, self.dtype()), r);
  return std::tuple(product_of_reflectors(packed, tau, complete ? rows : least), r);
});

CudaDirect householder(op::_linalg_householder_product, [](const Tensor& self, const Tensor& given) {
  const char* const name = "_linalg_householder_product";
  check_matrices(name, self, false);
  check(self.size(-2) >= self.size(-1) && given.dim() == self.dim() - 1 && given.size(-1) <= self.size(-1) &&
            batch_and(self, {}) == batch_and(given, {}, 1) && given.device() == self.device(),
        "{}: expected A (..., m, n) with m >= n and tau (..., k) with n >= k on one device, got {} and {}",
        name, self.sizes(), given.sizes());
  check<TypeError>(self.dtype() == given.dtype(), "{}: expected one dtype, got A of {} and tau of {}", name,
                   self.dtype(), given.dtype());
  if (given.numel() == 0) return unit_columns(self.sizes(), self);
  return product_of_reflectors(copied_by_columns(self), cuda::contiguous(given), self.size(-1));
});

// ---- eigenvalues, singular values

Tensor none_of(const Tensor& self, DType dtype) { return plain(Dims{0}, self, dtype); }

CudaDirect eigh(op::_linalg_eigh, [](const Tensor& self, bool upper, bool vectors) {
  check_matrices("_linalg_eigh", self, true);
  const Tensor info = new_info(self), found = copied_by_columns(self),
               values = plain(batch_and(self, {self.size(-1)}), self, to_real(self.dtype()));
  if (self.numel())
    cusolver_eigh(matrices_of(found), upper, vectors, values.data_ptr(), info.data<int32_t>());
  return std::tuple(values, vectors ? found : none_of(self, self.dtype()), info);
});

CudaDirect svd(op::_linalg_svd, [](const Tensor& self, bool full, bool vectors) {
  check_matrices("_linalg_svd", self, false);
  const int64_t rows = self.size(-2), columns = self.size(-1), least = std::min(rows, columns);
  const DType dtype = self.dtype();
  const Tensor info = new_info(self), s = plain(batch_and(self, {least}), self, to_real(dtype));
  const bool batched = self.numel() && cusolver_svd_is_batched(rows, columns, matrices_of(self).batch);
  const bool all = full || batched;
  const Dims u_sizes = batch_and(self, {rows, all ? rows : least}),
             v_sizes = batch_and(self, {columns, all ? columns : least});
  if (self.numel() == 0) {
    const Tensor none = none_of(self, dtype);
    return std::tuple(vectors ? unit_columns(u_sizes, self) : none, s,
                      vectors ? turned(unit_columns(v_sizes, self)) : none, info);
  }
  const Tensor a = copied_by_columns(self), u = by_columns(u_sizes, self, dtype),
               v = by_columns(v_sizes, self, dtype);
  cusolver_svd(matrices_of(a), matrices_of(u), s.data_ptr(), matrices_of(v), vectors, info.data<int32_t>());
  if (!vectors) return std::tuple(none_of(self, dtype), s, none_of(self, dtype), info);
  Tensor left = u, right = turned(v);
  if (!full) {
    left = detached_alias(plait::narrow(left, -1, 0, least));
    right = detached_alias(plait::narrow(right, -2, 0, least));
  }
  if (is_complex(dtype)) right = plait::conj(right);
  return std::tuple(left, s, right, info);
});

// As complex matrices whatever they are: of real ones geev packs pairs of vectors, which would have to be
// taken apart by what the values are.
CudaDirect eig(op::_linalg_eig, [](const Tensor& self, bool vectors) {
  check_matrices("_linalg_eig", self, true);
  const DType dtype = to_complex(self.dtype());
  const Tensor info = new_info(self), values = plain(batch_and(self, {self.size(-1)}), self, dtype),
               found = by_columns(self.sizes(), self, dtype);
  if (self.numel())
    cusolver_eig(matrices_of(copied_by_columns(self, dtype)), values.data_ptr(), matrices_of(found), vectors,
                 info.data<int32_t>());
  return std::tuple(values, vectors ? found : none_of(self, dtype), info);
});

}  // namespace
}  // namespace plait::cuda
