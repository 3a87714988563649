// Decompositions of matrices as cuSOLVER computes them. There are no kernels but those of CUDA
// (cuda/ops/factorizations.cpp): on the CPU plait.linalg asks NumPy, and there as here the derivatives stand
// in plait.linalg. What can fail says so in `info`, on the device: LAPACK's number for each matrix, 0 where
// it went well.
//
// Row orders have a kernel for the CPU, too.
#include "ops/decl/factorizations.h"

#include "ops/cpu/convert.h"
#include "ops/declare.h"

namespace plait::op {
namespace {

constexpr DTypeSet kMatrixDTypes =
    static_cast<DTypeSet>(set_of(DType::Float32) | set_of(DType::Float64) | kComplexDTypes);

[[noreturn]] void fail_device(const char* op, const Tensor& self) {
  fail<NotImplementedError>(
      "{}: expected a tensor on a CUDA device, got {}; the functions of plait.linalg run on any device", op,
      self.device());
}

using Pair = std::tuple<Tensor, Tensor>;
using Triple = std::tuple<Tensor, Tensor, Tensor>;
using Quadruple = std::tuple<Tensor, Tensor, Tensor, Tensor>;

}  // namespace

Op<Pair(const Tensor&)> _linalg_cholesky{{
    .schema = "_linalg_cholesky(Tensor self) -> (Tensor L, Tensor info)",
    .doc =
        R"(The lower triangular L with L L^H = A of Hermitian matrices (..., n, n), whose lower triangle is read, on CUDA. info, int32: the
order of the first leading block that is not positive definite, or 0.)",
    .direct = [](const Tensor& self) -> Pair { fail_device("_linalg_cholesky", self); },
    .dtypes = kMatrixDTypes,
}};

Op<Triple(const Tensor&, bool)> _linalg_lu{{
    .schema = "_linalg_lu(Tensor self, bool pivot=True) -> (Tensor LU, Tensor pivots, Tensor info)",
    .doc =
        R"(L without its diagonal of ones and U in one matrix, of matrices (..., m, n) on CUDA; the exchanges of rows from 1 on, int32
(..., min(m, n)), without pivot none; info, int32: the place, from 1, of the first zero on U's diagonal, or 0.)",
    .direct = [](const Tensor& self, bool) -> Triple { fail_device("_linalg_lu", self); },
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
        R"(X with A X = B (A^H X = B with adjoint) on CUDA, from what _linalg_lu gives of A (..., n, n), and B (..., n, k) with the same
batch.)",
    .direct = [](const Tensor& self, const Tensor&, const Tensor&, bool) -> Tensor {
      fail_device("_linalg_lu_solve", self);
    },
    .dtypes = kMatrixDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&, bool, bool)> _linalg_solve_triangular{{
    .schema =
        "_linalg_solve_triangular(Tensor self, Tensor other, bool upper, bool unitriangular=False) -> Tensor",
    .doc =
        R"(X with A X = B on CUDA, of triangular A (..., n, n), of which the other triangle (and with unitriangular the diagonal) is not
read, and B (..., n, k) with the same batch. A zero on the diagonal gives infinities or NaN.)",
    .direct = [](const Tensor& self, const Tensor&, bool, bool) -> Tensor {
      fail_device("_linalg_solve_triangular", self);
    },
    .dtypes = kMatrixDTypes,
}};

Op<Pair(const Tensor&, std::string_view)> _linalg_qr{{
    .schema = "_linalg_qr(Tensor self, str mode) -> (Tensor Q, Tensor R)",
    .doc =
        R"(A = Q R of matrices (..., m, n) on CUDA. Mode: "reduced" (min(m, n) columns of Q), "complete" (m), or "r": Q is empty. Mode
"raw" gives LAPACK's form in their place: R with the reflectors below its diagonal, and their factors tau.)",
    .direct = [](const Tensor& self, std::string_view) -> Pair { fail_device("_linalg_qr", self); },
    .dtypes = kMatrixDTypes,
}};

Op<Tensor(const Tensor&, const Tensor&)> _linalg_householder_product{{
    .schema = "_linalg_householder_product(Tensor self, Tensor tau) -> Tensor",
    .doc =
        R"(The first n columns of H_1 ... H_k with H_i = 1 - tau_i v_i v_i^H on CUDA, whose v_i stand below the diagonal of self
(..., m, n), m >= n >= k.)",
    .direct = [](const Tensor& self, const Tensor&) -> Tensor {
      fail_device("_linalg_householder_product", self);
    },
    .dtypes = kMatrixDTypes,
}};

Op<Triple(const Tensor&, bool, bool)> _linalg_eigh{{
    .schema =
        "_linalg_eigh(Tensor self, bool upper, bool vectors) -> (Tensor values, Tensor vectors, Tensor info)",
    .doc =
        R"(Eigenvalues in rising order, and vectors (or an empty tensor), of Hermitian matrices (..., n, n), of which one triangle is read,
on CUDA. info, int32: not 0 where the method did not converge.)",
    .direct = [](const Tensor& self, bool, bool) -> Triple { fail_device("_linalg_eigh", self); },
    .dtypes = kMatrixDTypes,
}};

Op<Quadruple(const Tensor&, bool, bool)> _linalg_svd{{
    .schema =
        "_linalg_svd(Tensor self, bool full, bool vectors) -> (Tensor U, Tensor S, Tensor Vh, Tensor info)",
    .doc =
        R"(A = U diag(S) Vh of matrices (..., m, n) on CUDA, with S in falling order; without vectors U and Vh are empty. info, int32: not 0
where the method did not converge.)",
    .direct = [](const Tensor& self, bool, bool) -> Quadruple { fail_device("_linalg_svd", self); },
    .dtypes = kMatrixDTypes,
}};

Op<Triple(const Tensor&, bool)> _linalg_eig{{
    .schema = "_linalg_eig(Tensor self, bool vectors) -> (Tensor values, Tensor vectors, Tensor info)",
    .doc =
        R"(Complex eigenvalues, and vectors of norm 1 (or an empty tensor), of square matrices (..., n, n) on CUDA. info, int32: not 0 where
the method did not converge.)",
    .direct = [](const Tensor& self, bool) -> Triple { fail_device("_linalg_eig", self); },
    .dtypes = kMatrixDTypes,
}};

}  // namespace plait::op
