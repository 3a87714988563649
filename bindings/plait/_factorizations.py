"""What `plait.linalg` loads when it is first asked for: eigenvalues of any square matrix, LU,
reflectors, exponentials, conditions, products.
"""

from __future__ import annotations

import math
from collections import namedtuple

from . import _C, _lapack
from ._autocast import one_op
from ._out import with_out
from .autograd import Function
from .linalg import (
    _applied,
    _check,
    _Cholesky,
    _Inverse,
    _same_batch,
    _same_phase,
    _solved,
    _substituted,
    _tape,
    _where_good,
    _without_diagonal,
    inv,
    matrix_norm,
    solve,
    solve_triangular,
    svdvals,
)
from .overrides import overridable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

_ops = _C.ops

LUFactorEx = namedtuple("LUFactorEx", ("LU", "pivots", "info"))
SolveEx = namedtuple("SolveEx", ("result", "info"))
Eig = namedtuple("Eig", ("eigenvalues", "eigenvectors"))
LU = namedtuple("LU", ("P", "L", "U"))
LUFactor = namedtuple("LUFactor", ("LU", "pivots"))
CholeskyEx = namedtuple("CholeskyEx", ("L", "info"))
InvEx = namedtuple("InvEx", ("inverse", "info"))


# ---- eigenvalues


class _Eig(Function):
    """A V = V diag(values). The derivative: Boeddeker et al. 2017, "On the computation of complex-valued
    gradients with application to statistically optimum beamforming", for vectors of norm 1.
    """

    @staticmethod
    def forward(ctx, who, a):
        values, vectors = _lapack.eig(who, a, True)
        ctx.save_for_backward(values, vectors)
        ctx.real = not a.is_complex()
        ctx.set_materialize_grads(False)
        ctx.who = who
        return values, vectors

    @staticmethod
    def backward(ctx, grad_values, grad_vectors):
        values, v = ctx.saved_tensors
        if grad_values is None and grad_vectors is None:
            return None, None
        middle = None if grad_values is None else _ops["diag_embed"](grad_values)
        if grad_vectors is not None:
            inner = v.mH @ grad_vectors
            lengths = inner.diagonal(0, -2, -1)
            _same_phase(ctx.who, lengths.imag, grad_vectors)
            inner = inner - v.mH @ (v * lengths.real.unsqueeze(-2).to(v.dtype))
            gaps = (values.unsqueeze(-2) - values.unsqueeze(-1)).conj()
            same = _ops["eye"](v.shape[-1], dtype=_C.bool, device=v.device)
            inner = _without_diagonal(inner) / gaps.masked_fill(same, 1)
            middle = inner if middle is None else middle + inner
        assert middle is not None
        grad = solve(v.mH, middle @ v.mH)
        return None, (grad.real if ctx.real else grad)


@with_out
def eig(A: Tensor, *, out: Any = None) -> Any:
    """The eigenvalues (..., n) and eigenvectors (..., n, n), its columns, of norm 1, of square matrices; both
    complex.

    Vectors are unique up to a factor of absolute value 1: only functions that do not depend on it have a
    gradient, that of others raises LinAlgError in backward. So does A where it is not finite, at once.

    >>> plait.linalg.eig(plait.tensor([[0.0, -1.0], [1.0, 0.0]])).eigenvalues
    tensor([0.+1.j, 0.-1.j])
    """
    _check("eig", A)
    return Eig(*_applied(_Eig, "eig", A))


@with_out
def eigvals(A: Tensor, *, out: Any = None) -> Tensor:
    """The eigenvalues of square matrices (..., n, n), complex, in no particular order.

    >>> plait.linalg.eigvals(plait.tensor([[2.0, 0.0], [0.0, 3.0]])).real
    tensor([2., 3.])
    """
    _check("eigvals", A)
    return _Eig.apply("eigvals", A)[0] if _tape(A) else _lapack.eig("eigvals", A, False)[0]


# ---- LU


def _rows(a: Tensor, order: Tensor) -> Tensor:
    return _ops["take_along_dim"](a, order.unsqueeze(-1), -2)


class _SquareLU(Function):
    """L and U of square matrices that need no exchange, given their packed factors."""

    @staticmethod
    def forward(ctx, a, packed):
        one = _ops["eye"](a.shape[-1], dtype=a.dtype, device=a.device)
        lower, upper = packed.tril(-1) + one, packed.triu()
        ctx.save_for_backward(lower, upper)
        return lower, upper

    @staticmethod
    def backward(ctx, grad_lower, grad_upper):
        lower, upper = ctx.saved_tensors
        inner = (lower.mH @ grad_lower).tril(-1) + (grad_upper @ upper.mH).triu()
        left = solve_triangular(lower.mH, inner, upper=True, unitriangular=True)
        return solve_triangular(upper.mH, left, upper=False, left=False), None


def _plain_factors(who: str, A: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor]:
    """L and U in one, pivots from 1, and info, without a derivative."""
    _check(who, A, False)
    if not pivot and not _lapack.by_cusolver(A):
        raise NotImplementedError(
            f"linalg.{who}: pivot=False is implemented on CUDA devices with cuSOLVER alone; use pivot=True"
        )
    return _lapack.lu(A.detach(), pivot)


def _packed_factors(who: str, A: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor]:
    """The same, with one where it is asked for."""
    return _factors(who, A, pivot)[2:] if _tape(A) else _plain_factors(who, A, pivot)


def _factors(who: str, A: Tensor, pivot: bool) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """L, U, both in one, pivots from 1, and info; A with its rows exchanged is L U."""
    packed, pivots, info = _plain_factors(who, A, pivot)
    rows, columns = A.shape[-2:]
    n = min(rows, columns)
    if not _tape(A):
        one = _ops["eye"](rows, dtype=A.dtype, device=A.device)[:, :n]
        return packed[..., :n].tril(-1) + one, packed[..., :n, :].triu(), packed, pivots, info
    a = _rows(A, _lapack.row_order(pivots, rows))
    lower, upper = _applied(_SquareLU, a[..., :n, :n], packed[..., :n, :n])
    if rows > n:  # the rows below follow from U, the columns to the right from L
        below = solve_triangular(upper, a[..., n:, :], upper=True, left=False)
        lower = _ops["cat"]((lower, below), -2)
    if columns > n:
        right = solve_triangular(lower, a[..., n:], upper=False, unitriangular=True)
        upper = _ops["cat"]((upper, right), -1)
    left, right = lower.tril(-1), upper
    if columns > n:
        left = _ops["cat"]((left, left.new_zeros((*A.shape[:-1], columns - n))), -1)
    if rows > n:
        right = _ops["cat"]((right, right.new_zeros((*A.shape[:-2], rows - n, n))), -2)
    return lower, upper, left + right, pivots, info


@with_out
@one_op(cpu="float32", cuda="float32")
def lu(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """A = P L U: a permutation, a lower triangle with ones on its diagonal, an upper triangle. (..., m, n)
    gives P (..., m, m), L (..., m, k), U (..., k, n), k = min(m, n). Differentiable where the first k
    columns, or rows, are independent. Without `pivot`, on CUDA alone, A = L U and P is empty.

    >>> P, L, U = plait.linalg.lu(plait.tensor([[1.0, 2.0], [4.0, 4.0]]))
    >>> L, U
    (tensor([[1.0000, 0.0000],
            [0.2500, 1.0000]]), tensor([[4., 4.],
            [0., 1.]]))
    """
    lower, upper, _, pivots, _ = _factors("lu", A, pivot)
    if not pivot:
        return LU(A.new_empty((0,)), lower, upper)
    return LU(_permutation(_lapack.row_order(pivots, A.shape[-2]), A.dtype), lower, upper)


def _permutation(order: Tensor, dtype: Any) -> Tensor:
    rows = order.shape[-1]
    return _ops["eye"](rows, dtype=dtype, device=order.device)[order].mT


@with_out
@one_op(cpu="float32", cuda="float32")
def lu_factor(A: Tensor, *, pivot: bool = True, out: Any = None) -> Any:
    """The factors L (below the diagonal) and U of `lu` in one matrix, and the row, from 1, that each row was
    exchanged with in turn, as int32: LAPACK's form, for `lu_solve`. Raises nothing where A is singular: U has
    a zero then.

    >>> plait.linalg.lu_factor(plait.tensor([[1.0, 2.0], [4.0, 4.0]]))
    LUFactor(LU=tensor([[4.0000, 4.0000],
            [0.2500, 1.0000]]), pivots=tensor([2, 2], dtype=plait.int32))
    """
    return LUFactor(*_packed_factors("lu_factor", A, pivot)[:2])


@with_out
@one_op(cpu="float32", cuda="float32")
def lu_solve(
    LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False, out: Any = None
) -> Tensor:
    """X with A X = B (or X A = B, `left=False`; A^H in A's place, `adjoint=True`) from the factors of A that
    `lu_factor` gives.

    >>> A = plait.tensor([[1.0, 2.0], [4.0, 4.0]])
    >>> plait.linalg.lu_solve(*plait.linalg.lu_factor(A), plait.tensor([[5.0], [12.0]]))
    tensor([[1.],
            [2.]])
    """
    _check("lu_solve", LU, True, "LU")
    _check("lu_solve", B, False, "B")
    if pivots.shape != LU.shape[:-1]:
        raise ValueError(
            f"linalg.lu_solve: pivots should be of shape {tuple(LU.shape[:-1])}, got {tuple(pivots.shape)}"
        )
    if not left:  # X A = B is A^H X^H = B^H
        return lu_solve(LU, pivots, B.mH, adjoint=not adjoint).mH
    n = LU.shape[-1]
    if B.shape[-2] != n:
        raise ValueError(f"linalg.lu_solve: LU {tuple(LU.shape)} and B {tuple(B.shape)} do not fit")
    LU, B = _same_batch("lu_solve", LU, B)
    pivots = pivots.expand(LU.shape[:-1])
    if not _tape(LU, B):
        return _lapack.lu_solve(LU, pivots, B, adjoint)
    order = _lapack.row_order(pivots, n)
    if not adjoint:
        y = _substituted("lu_solve", LU, _rows(B, order), False, True)
        return _substituted("lu_solve", LU, y, True)
    y = _substituted("lu_solve", LU.mH, B, False)
    y = _substituted("lu_solve", LU.mH, y, True, True)
    return _rows(y, order.argsort(-1))


@with_out
def lu_unpack(
    LU_data: Tensor,
    LU_pivots: Tensor,
    unpack_data: bool = True,
    unpack_pivots: bool = True,
    *,
    out: Any = None,
) -> Any:
    """P, L and U from what `lu_factor` gives; empty tensors in the place of what is not asked for.

    >>> A = plait.tensor([[1.0, 2.0], [4.0, 4.0]])
    >>> P, L, U = plait.lu_unpack(*plait.linalg.lu_factor(A))
    >>> P @ L @ U
    tensor([[1., 2.],
            [4., 4.]])
    """
    rows, columns = LU_data.shape[-2:]
    n = min(rows, columns)
    empty = LU_data.new_empty((0,))
    one = _ops["eye"](rows, dtype=LU_data.dtype, device=LU_data.device)[:, :n]
    lower = LU_data[..., :n].tril(-1) + one if unpack_data else empty
    upper = LU_data[..., :n, :].triu() if unpack_data else empty
    p = _permutation(_lapack.row_order(LU_pivots, rows), LU_data.dtype) if unpack_pivots else empty
    return LU(p, lower, upper)


# ---- with a number that says what went wrong


@with_out
@one_op(cpu="float32", cuda="float32")
def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """`cholesky`, and 0, or for a matrix that is not positive definite the order of the first leading block
    that is not, as int32; its factor is NaN then.

    >>> plait.linalg.cholesky_ex(plait.tensor([[[4.0]], [[-1.0]]])).info
    tensor([0, 1], dtype=plait.int32)
    """
    _check("cholesky_ex", A)
    factor, info = _applied(_Cholesky, "cholesky_ex", A, check_errors)
    factor = factor.mH if upper else factor
    return CholeskyEx(factor if check_errors else _where_good(factor, info, math.nan), info)


@with_out
@one_op(cpu="float32", cuda="float32")
def inv_ex(A: Tensor, *, check_errors: bool = False, out: Any = None) -> Any:
    """`inv`, and 0, or for a singular matrix the place, from 1, of the first zero on U's diagonal, as int32;
    its inverse is NaN then.

    >>> plait.linalg.inv_ex(plait.tensor([[[4.0]], [[0.0]]])).info
    tensor([0, 1], dtype=plait.int32)
    """
    _check("inv_ex", A)
    inverse, info = _applied(_Inverse, "inv_ex", A, check_errors)
    return InvEx(inverse if check_errors else _where_good(inverse, info, math.nan), info)


@with_out
@one_op(cpu="float32", cuda="float32")
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """`lu_factor`, and 0, or for a singular matrix the place, from 1, of the first zero on U's diagonal, as
    int32. With check_errors a singular matrix raises LinAlgError.

    >>> plait.linalg.lu_factor_ex(plait.tensor([[[4.0]], [[0.0]]])).info
    tensor([0, 1], dtype=plait.int32)
    """
    packed, pivots, info = _packed_factors("lu_factor_ex", A, pivot)
    if check_errors:
        _lapack.check("lu_factor_ex", info, _lapack.SINGULAR, A)
    return LUFactorEx(packed, pivots, info)


@with_out
@one_op(cpu="float32", cuda="float32")
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False, out: Any = None) -> Any:
    """`solve`, and 0, or for a singular matrix the place, from 1, of the first zero on U's diagonal, as
    int32; the solution is NaN then. With check_errors a singular matrix raises LinAlgError.

    >>> plait.linalg.solve_ex(plait.tensor([[[4.0]], [[0.0]]]), plait.ones(2, 1, 1)).info
    tensor([0, 1], dtype=plait.int32)
    """
    result, info = _solved("solve_ex", A, B, left, check_errors)
    if check_errors:
        return SolveEx(result, info)
    if result.dim() == info.dim() + 1:  # vectors
        return SolveEx(_where_good(result.unsqueeze(-1), info, math.nan).squeeze(-1), info)
    return SolveEx(_where_good(result, info, math.nan), info)


# ---- reflectors, exponentials


def reflected(A: Tensor, tau: Tensor, other: Tensor, adjoint: bool = False) -> Tensor:
    """H_1 ... H_k other, or the adjoint of that product times other, with H_i = 1 - tau_i v_i v_i^H, where
    v_i is 0 above row i, 1 in it and column i of A (..., m, n) below; k is the length of tau.
    """
    rows, count = A.shape[-2], tau.shape[-1]
    one = _ops["eye"](rows, dtype=A.dtype, device=A.device)[:, :count]
    vectors = A[..., :count].tril(-1) + one
    factors = tau.conj() if adjoint else tau
    result = other
    for i in range(count) if adjoint else reversed(range(count)):
        v = vectors[..., i : i + 1]
        result = result - factors[..., i, None, None] * v @ (v.mH @ result)
    return result



@with_out
@one_op(cpu="float32", cuda="float32")
def householder_product(A: Tensor, tau: Tensor, *, out: Any = None) -> Tensor:
    """The first n columns of H_1 ... H_k with H_i = 1 - tau_i v_i v_i^H, where v_i is 0 above row i, 1 in it
    and column i of A (..., m, n) below, for tau (..., k): LAPACK's form of the Q of a QR decomposition.

    >>> plait.linalg.householder_product(plait.ones(2, 1), plait.tensor([1.0]))
    tensor([[ 0.],
            [-1.]])
    """
    _check("householder_product", A, False)
    rows, columns = A.shape[-2:]
    if tau.dim() == 0 or columns > rows or tau.shape[:-1] != A.shape[:-2] or tau.shape[-1] > columns:
        raise ValueError(
            "linalg.householder_product: expected A (..., m, n) and tau (..., k) with m >= n >= k, got "
            f"{tuple(A.shape)} and {tuple(tau.shape)}"
        )
    if tau.shape[-1] < columns:
        tau = _ops["constant_pad_nd"](tau, (0, columns - tau.shape[-1]))  # H_i = 1
    if not _tape(A, tau):
        return _lapack.householder_product(A, tau)
    one = _ops["eye"](rows, dtype=A.dtype, device=A.device)[:, :columns]
    return reflected(A, tau, one.expand(A.shape))


@one_op(cpu="float32", cuda="float32")
def matrix_exp(A: Tensor) -> Tensor:
    """The exponentials of square matrices: by squaring that of A / 2^s, of norm 1/2 at most, which 18 terms
    of its power series give to the last digit (Moler and Van Loan 2003, method 3). 16-bit floats are computed
    with in float32.

    >>> plait.linalg.matrix_exp(plait.zeros(2, 2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    if A.dtype in (_C.float16, _C.bfloat16):
        return matrix_exp(A.float()).to(A.dtype)
    _check("matrix_exp", A)
    n = A.shape[-1]
    one = _ops["eye"](n, dtype=A.dtype, device=A.device).expand(A.shape)
    if A.numel() == 0:
        return A.clone()
    largest = A.detach().abs().sum(-2).amax().item()
    if not largest < float("inf"):
        return A * float("nan")
    squarings = 0
    while largest > 0.5:
        largest, squarings = largest / 2, squarings + 1
    scaled = A / 2.0**squarings
    result = one
    for k in range(18, 0, -1):
        result = one + (scaled @ result) / k
    for _ in range(squarings):
        result = result @ result
    return result


# ---- conditions, products


@with_out
@one_op(cpu="float32", cuda="float32")
def cond(A: Tensor, p: Any = None, *, out: Any = None) -> Tensor:
    """The condition numbers |A| |A^-1| in the norm p: None or 2, -2 (the quotient of the singular values),
    'fro', 'nuc', inf, -inf, 1, -1. Infinite for a singular matrix.

    >>> plait.linalg.cond(plait.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor(2.)
    """
    if p in (None, 2, -2):
        _check("cond", A, False)
        s = svdvals(A)
        if s.shape[-1] == 0:
            return s.new_zeros(s.shape[:-1])
        return s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    _check("cond", A)
    inverse, info = inv_ex(A)
    singular = info != 0
    inverse = inverse.masked_fill(singular[..., None, None], 0)  # NaN would stop the singular values of 'nuc'
    return (matrix_norm(A, p) * matrix_norm(inverse, p)).masked_fill(singular, math.inf)


@with_out
def multi_dot(tensors: Sequence[Tensor], *, out: Any = None) -> Tensor:
    """The product of two or more matrices, in the order of fewest multiplications; the first and the last may
    be vectors.

    >>> plait.linalg.multi_dot([plait.tensor([1.0, 2.0]), plait.eye(2), plait.tensor([3.0, 4.0])])
    tensor(11.)
    """
    found = list(tensors)
    n = len(found)
    if n < 2:
        raise ValueError(f"linalg.multi_dot: expected at least 2 tensors, got {n}")
    first_vector, last_vector = found[0].dim() == 1, found[-1].dim() == 1
    if first_vector:
        found[0] = found[0].unsqueeze(0)
    if last_vector:
        found[-1] = found[-1].unsqueeze(-1)
    shapes = [t.shape for t in found]
    sizes: list[int] = []
    for i, shape in enumerate(shapes):
        if len(shape) != 2:
            raise ValueError(f"linalg.multi_dot: tensor {i} should be a matrix, got shape {tuple(shape)}")
        if i and sizes[-1] != shape[0]:
            raise ValueError(f"linalg.multi_dot: {tuple(shapes[i - 1])} and {tuple(shape)} do not fit")
        if i == 0:
            sizes.append(shape[0])
        sizes.append(shape[1])
    if n == 2:
        result = found[0] @ found[1]
    elif n == 3:
        a, b, c, d = sizes
        x, y, z = found
        result = (x @ y) @ z if a * c * (b + d) <= b * d * (a + c) else x @ (y @ z)
    else:
        result = _chained(found, sizes)
    if first_vector:
        result = result.squeeze(0)
    return result.squeeze(-1) if last_vector else result


def _chained(found: list[Tensor], sizes: list[int]) -> Tensor:
    """Cormen et al., "Introduction to Algorithms", 15.2: the cheapest place to split each stretch i ... j."""
    n = len(found)
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            ends = sizes[i] * sizes[j + 1]
            best = -1
            for k in range(i, j):
                total = cost[i][k] + cost[k + 1][j] + ends * sizes[k + 1]
                if best < 0 or total < best:
                    best, split[i][j] = total, k
            cost[i][j] = best

    def product(i: int, j: int) -> Tensor:
        return found[i] if i == j else product(i, split[i][j]) @ product(split[i][j] + 1, j)

    return product(0, n - 1)


@with_out
def tensorinv(A: Tensor, ind: int = 2, *, out: Any = None) -> Tensor:
    """The inverse of A as a linear map from its last dimensions to its first `ind`: of shape A.shape[ind:] +
    A.shape[:ind], whose products must be equal.

    >>> plait.linalg.tensorinv(plait.eye(6).reshape(2, 3, 6), 2).shape
    plait.Size([6, 2, 3])
    """
    if ind <= 0:
        raise ValueError(f"linalg.tensorinv: ind should be positive, got {ind}")
    first, last = tuple(A.shape[:ind]), tuple(A.shape[ind:])
    n = math.prod(first)
    if n != math.prod(last):
        raise ValueError(
            f"linalg.tensorinv: the first {ind} sizes and the others of {tuple(A.shape)} should have one "
            "product"
        )
    return inv(A.reshape(n, n)).reshape(*last, *first)


@with_out
def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None, *, out: Any = None) -> Tensor:
    """X with tensordot(A, X, X.dim()) = B; `dims` of A are moved to its end before.

    >>> plait.linalg.tensorsolve(plait.eye(6).reshape(2, 3, 6), plait.ones(2, 3))
    tensor([1., 1., 1., 1., 1., 1.])
    """
    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.dim() - len(tuple(dims)), A.dim())))
    shape = tuple(A.shape[B.dim() :])
    n = math.prod(shape)
    if math.prod(A.shape[: B.dim()]) != n or B.numel() != n:
        raise ValueError(f"linalg.tensorsolve: A {tuple(A.shape)} and B {tuple(B.shape)} do not fit")
    return solve(A.reshape(n, n), B.reshape(n)).reshape(shape)


@overridable
def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """The powers 0, ..., N - 1 of each element (..., n) -> (..., n, N); N is n where it is not given.

    >>> plait.linalg.vander(plait.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    if x.dim() < 1:
        x = x.unsqueeze(0)
    n = x.shape[-1] if N is None else N
    if n <= 0 and N is not None:
        raise ValueError(f"linalg.vander: N should be above 0, got {N}")
    return x.unsqueeze(-1) ** _ops["arange"](n, device=x.device)
