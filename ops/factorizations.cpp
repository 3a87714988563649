// Decompositions of matrices: LAPACK's on the CPU, cuSOLVER's on CUDA (cuda/ops/factorizations.cpp). What can
// fail says so in `info`, on the device: LAPACK's number for each matrix, 0 where it went well. Derivatives
// stand in plait.linalg.
#include "ops/decl/factorizations.h"

#include "ops/cpu/convert.h"
#include "ops/cpu/lapack.h"
#include "ops/decl/copy.h"
#include "ops/decl/create.h"
#include "ops/decl/pad.h"
#include "ops/decl/view_split.h"
#include "ops/declare.h"
#include "ops/factorize.h"

namespace plait::op {
namespace {

constexpr DTypeSet kMatrixDTypes =
    static_cast<DTypeSet>(set_of(DType::Float32) | set_of(DType::Float64) | kComplexDTypes);

using factorize::Pair, factorize::Quadruple, factorize::Triple;

}  // namespace

Op<Pair(const Tensor&)> _linalg_cholesky{{
    .schema = "_linalg_cholesky(Tensor self) -> (Tensor L, Tensor info)",
    .doc =
        R"(The lower triangular L with L L^H = A of Hermitian matrices (..., n, n), whose lower triangle is read. info, int32: the
order of the first leading block that is not positive definite, or 0.)",
    .direct = [](const Tensor& self) { return factorize::cholesky(cpu::lapack(), self); },
    .dtypes = kMatrixDTypes,
}};

Op<Triple(const Tensor&, bool)> _linalg_lu{{
    .schema = "_linalg_lu(Tensor self, bool pivot=True) -> (Tensor LU, Tensor pivots, Tensor info)",
    .doc =
        R"(L without its diagonal of ones and U in one matrix, of matrices (..., m, n); the exchanges of rows from 1 on, int32
(..., min(m, n)), without pivot (on CUDA) none; info, int32: the place, from 1, of the first zero on U's diagonal, or 0.)",
    .direct = [](const Tensor& self, bool pivot) { return factorize::lu(cpu::lapack(), self, pivot); },
    .dtypes = kMatrixDTypes,
}};

Op<Tensor(const Tensor&, int64_t)> _linalg_row_order{{
    .schema = "_linalg_row_order(Tensor pivots, int rows) -> Tensor",
    .doc =
        R"(Which row stands where after the exchanges of an LU decomposition (int32, (..., k) with k <= rows, from 1 on): int64 (..., rows).

>>> plait._C.ops["_linalg_row_order"](plait.tensor([3, 3], dtype=plait.int32), 3)
tensor([2, 0, 1]))",
    .meta =
        [](const Tensor& pivots, int64_t rows) {
          check(pivots.dim() >= 1 && rows >= pivots.size(-1) && rows < (int64_t{1} << 31),
                "_linalg_row_order: expected pivots (..., k) with k of at most `rows`, got shape {} and rows "
                "= {}",
                pivots.sizes(), rows);
          Dims sizes(pivots.sizes());
          sizes[sizes.size() - 1] = rows;
          return TensorSpec(sizes, DType::Int64, pivots.device());
        },
    .dtypes = set_of(DType::Int32),
    .cpu =
        [](const Tensor& out, const Tensor& pivots, int64_t rows) {
          const int64_t count = pivots.size(-1), batch = rows ? out.numel() / rows : 0;
          const Tensor swaps = pivots.is_contiguous() ? pivots : clone_plain(pivots);
          const Tensor whole = out.is_contiguous() ? out : empty_tensor(out.sizes(), DType::Int64);
          for (int64_t b = 0; b < batch; ++b) {
            int64_t* order = whole.data<int64_t>() + b * rows;
            const int32_t* swap = swaps.data<int32_t>() + b * count;
            for (int64_t i = 0; i < rows; ++i) order[i] = i;
            for (int64_t k = 0; k < count; ++k) {
              check<IndexError>(swap[k] >= 1 && swap[k] <= rows,
                                "_linalg_row_order: expected pivots from 1 to {}, got {}", rows, swap[k]);
              std::swap(order[k], order[swap[k] - 1]);
            }
          }
          if (!whole.same(out)) cpu::copy(out, whole);
        },
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool)> _linalg_lu_solve{{
    .schema = "_linalg_lu_solve(Tensor LU, Tensor pivots, Tensor other, bool adjoint=False) -> Tensor",
    .doc =
        R"(X with A X = B (A^H X = B with adjoint), from what _linalg_lu gives of A (..., n, n), and B (..., n, k) with the same
batch.)",
    .direct = [](const Tensor& self, const Tensor& pivots, const Tensor& other,
                 bool adjoint) { return factorize::lu_solve(cpu::lapack(), self, pivots, other, adjoint); },
    .dtypes = kMatrixDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, bool, bool)> _linalg_solve_triangular{{
    .schema =
        "_linalg_solve_triangular(Tensor self, Tensor other, bool upper, bool unitriangular=False) -> Tensor",
    .doc =
        R"(X with A X = B, of triangular A (..., n, n), of which the other triangle (and with unitriangular the diagonal) is not
read, and B (..., n, k) with the same batch. A zero on the diagonal gives infinities or NaN.)",
    .direct = [](const Tensor& self, const Tensor& other, bool upper,
                 bool unit) { return factorize::solve_triangular(cpu::lapack(), self, other, upper, unit); },
    .dtypes = kMatrixDTypes,
}};

Op<Pair(const Tensor&, std::string_view)> _linalg_qr{{
    .schema = "_linalg_qr(Tensor self, str mode) -> (Tensor Q, Tensor R)",
    .doc =
        R"(A = Q R of matrices (..., m, n). Mode: "reduced" (min(m, n) columns of Q), "complete" (m), or "r": Q is empty. Mode "raw" gives
LAPACK's form in their place: R with the reflectors below its diagonal, and their factors tau.)",
    .direct = [](const Tensor& self,
                 std::string_view mode) { return factorize::qr(cpu::lapack(), self, mode); },
    .dtypes = kMatrixDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&)> _linalg_householder_product{{
    .schema = "_linalg_householder_product(Tensor self, Tensor tau) -> Tensor",
    .doc =
        R"(The first n columns of H_1 ... H_k with H_i = 1 - tau_i v_i v_i^H, whose v_i stand below the diagonal of self
(..., m, n), m >= n >= k.)",
    .direct = [](const Tensor& self,
                 const Tensor& tau) { return factorize::householder_product(cpu::lapack(), self, tau); },
    .dtypes = kMatrixDTypes,
}};

Op<Triple(const Tensor&, bool, bool)> _linalg_eigh{{
    .schema =
        "_linalg_eigh(Tensor self, bool upper, bool vectors) -> (Tensor values, Tensor vectors, Tensor info)",
    .doc =
        R"(Eigenvalues in rising order, and vectors (or an empty tensor), of Hermitian matrices (..., n, n), of which one triangle is read.
info, int32: not 0 where the method did not converge.)",
    .direct = [](const Tensor& self, bool upper,
                 bool vectors) { return factorize::eigh(cpu::lapack(), self, upper, vectors); },
    .dtypes = kMatrixDTypes,
}};

Op<Quadruple(const Tensor&, bool, bool)> _linalg_svd{{
    .schema =
        "_linalg_svd(Tensor self, bool full, bool vectors) -> (Tensor U, Tensor S, Tensor Vh, Tensor info)",
    .doc =
        R"(A = U diag(S) Vh of matrices (..., m, n), with S in falling order; without vectors U and Vh are empty. info, int32: not 0
where the method did not converge.)",
    .direct = [](const Tensor& self, bool full,
                 bool vectors) { return factorize::svd(cpu::lapack(), self, full, vectors); },
    .dtypes = kMatrixDTypes,
}};

Op<Triple(const Tensor&, bool)> _linalg_eig{{
    .schema = "_linalg_eig(Tensor self, bool vectors) -> (Tensor values, Tensor vectors, Tensor info)",
    .doc =
        R"(Complex eigenvalues, and vectors of norm 1 (or an empty tensor), of square matrices (..., n, n). info, int32: not 0 where
the method did not converge.)",
    .direct = [](const Tensor& self, bool vectors) { return factorize::eig(cpu::lapack(), self, vectors); },
    .dtypes = kMatrixDTypes,
}};

Op<Triple(const Tensor&, bool)> _linalg_ldl_factor{{
    .schema = "_linalg_ldl_factor(Tensor self, bool hermitian) -> (Tensor LD, Tensor pivots, Tensor info)",
    .doc =
        R"(A = L D L^T, or L D L^H, of symmetric or Hermitian matrices (..., n, n) on the CPU, whose lower triangle is read, in the form of
LAPACK's sytrf and hetrf; pivots, int32 (..., n); info, int32: the place, from 1, of D's first zero block, or 0.)",
    .direct =
        [](const Tensor& self, bool hermitian) {
          const char* const name = "_linalg_ldl_factor";
          cpu::lapack().require(name);
          factorize::check_matrices(name, self, true);
          const Tensor info = factorize::new_info(self), packed = factorize::copied_by_columns(self),
                       pivots = empty_tensor(factorize::batch_and(self, {self.size(-1)}), DType::Int32);
          if (self.numel())
            cpu::lapack_ldl(factorize::matrices_of(packed), hermitian && is_complex(self.dtype()),
                            pivots.data<int32_t>(), info.data<int32_t>());
          return Triple(packed, pivots, info);
        },
    .dtypes = kMatrixDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool)> _linalg_ldl_solve{{
    .schema = "_linalg_ldl_solve(Tensor LD, Tensor pivots, Tensor other, bool hermitian) -> Tensor",
    .doc =
        R"(X with A X = B on the CPU, from what _linalg_ldl_factor gives of A (..., n, n), and B (..., n, k) with the same batch.)",
    .direct =
        [](const Tensor& self, const Tensor& given, const Tensor& other, bool hermitian) {
          const char* const name = "_linalg_ldl_solve";
          cpu::lapack().require(name);
          factorize::check_right_side(name, self, other);
          const int64_t n = self.size(-1);
          check(given.dtype() == DType::Int32 && given.sizes() == factorize::batch_and(self, {n}),
                "{}: expected pivots of dtype int32 and shape {}, got {} {}", name,
                factorize::batch_and(self, {n}), given.dtype(), given.sizes());
          const Tensor pivots = plait::contiguous(given), factors = factorize::copied_by_columns(self),
                       x = factorize::copied_by_columns(other);
          const int32_t* exchanges = pivots.data<int32_t>();
          for (int64_t i = 0; i < pivots.numel(); ++i) {
            // A pair of equal negative numbers stands for a block of order 2.
            const int32_t row = exchanges[i];
            check(row != 0 && row >= -n && row <= n,
                  "{}: expected pivots from 1 to {}, or their negatives, got {}", name, n, row);
            if (row > 0) continue;
            ++i;
            check(i % n != 0 && exchanges[i] < 0 && exchanges[i] >= -n,
                  "{}: expected negative pivots in pairs", name);
          }
          if (x.numel())
            cpu::lapack_ldl_solve(factorize::matrices_of(factors), hermitian && is_complex(self.dtype()),
                                  exchanges, factorize::matrices_of(x));
          return x;
        },
    .dtypes = kMatrixDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, const Tensor&, bool, bool)> _linalg_ormqr{{
    .schema = "_linalg_ormqr(Tensor self, Tensor tau, Tensor other, bool left, bool adjoint) -> Tensor",
    .doc =
        R"(Q C, or C Q where not `left`, on the CPU, for matrices C and the square Q of the reflectors in A (..., m, n) and their factors
tau (..., k) with k <= n, as _linalg_qr gives them; with `adjoint` for Q^H.)",
    .direct =
        [](const Tensor& self, const Tensor& tau, const Tensor& other, bool left, bool adjoint) {
          const char* const name = "_linalg_ormqr";
          cpu::lapack().require(name);
          factorize::check_matrices(name, self, false);
          factorize::check_matrices(name, other, false);
          const Dims batch = factorize::batch_and(self, {});
          check(tau.dim() == self.dim() - 1 && factorize::batch_and(tau, {}, 1) == batch &&
                    factorize::batch_and(other, {}) == batch && other.size(left ? -2 : -1) == self.size(-2) &&
                    tau.size(-1) <= std::min(self.size(-1), self.size(-2)),
                "{}: expected A (..., m, n), tau (..., k) and C (..., m, p), or (..., p, m), with the same "
                "batch, got {}, {} and {}",
                name, self.sizes(), tau.sizes(), other.sizes());
          check<TypeError>(self.dtype() == other.dtype() && self.dtype() == tau.dtype(),
                           "{}: expected one dtype, got {}, {} and {}", name, self.dtype(), tau.dtype(),
                           other.dtype());
          const Tensor c = factorize::copied_by_columns(other), factors = plait::contiguous(tau);
          if (c.numel() && tau.numel())
            cpu::lapack_ormqr(factorize::matrices_of(factorize::copied_by_columns(self)), factors.data_ptr(),
                              tau.size(-1), factorize::matrices_of(c), left, adjoint);
          return c;
        },
    .dtypes = kMatrixDTypes,
}};

Op<Quadruple(const Tensor&, const Tensor&, double, bool)> _linalg_lstsq{{
    .schema =
        "_linalg_lstsq(Tensor self, Tensor other, float rcond, bool values) -> (Tensor solution, Tensor "
        "rank, Tensor S, Tensor info)",
    .doc =
        R"(The shortest X of the least |A X - B| on the CPU, for A (..., m, n) and B (..., m, k) with the same batch, as LAPACK's gelsy or,
with the singular values, gelsd finds it; ranks, int64; info, int32: not 0 where the method did not converge.)",
    .direct =
        [](const Tensor& self, const Tensor& other, double rcond, bool values) {
          const char* const name = "_linalg_lstsq";
          cpu::lapack().require(name);
          factorize::check_matrices(name, self, false);
          factorize::check_matrices(name, other, false);
          const int64_t m = self.size(-2), n = self.size(-1), k = other.size(-1);
          check(m == other.size(-2) && factorize::batch_and(self, {}) == factorize::batch_and(other, {}),
                "{}: expected A (..., m, n) and B (..., m, k) with the same batch, got {} and {}", name,
                self.sizes(), other.sizes());
          check<TypeError>(self.dtype() == other.dtype(), "{}: expected one dtype, got A of {} and B of {}",
                           name, self.dtype(), other.dtype());
          const Tensor info = factorize::new_info(self), a = factorize::copied_by_columns(self),
                       rank = empty_tensor(factorize::batch_and(self, {}), DType::Int64),
                       s = empty_tensor(values ? factorize::batch_and(self, {std::min(m, n)}) : Dims{0},
                                        to_real(self.dtype()));
          // B's memory holds X too.
          Tensor b = m >= n ? other : plait::constant_pad_nd(other, Dims{0, 0, 0, n - m}, Scalar(0));
          b = factorize::copied_by_columns(b);
          if (self.numel() == 0 || k == 0) {
            plait::zero_(b);
            plait::zero_(rank);
          }
          if (self.numel() && k)
            cpu::lapack_lstsq(factorize::matrices_of(a), factorize::matrices_of(b), rcond,
                              values ? s.data_ptr() : nullptr, rank.data<int64_t>(), info.data<int32_t>());
          return Quadruple(m > n ? detached_alias(plait::narrow(b, -2, 0, n)) : b, rank, s, info);
        },
    .dtypes = kMatrixDTypes,
}};

}  // namespace plait::op
