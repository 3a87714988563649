"""What `plait.linalg` loads when it is first asked for: eigenvalues of any square matrix, LU, conditions,
products.
"""

from __future__ import annotations

import math
from collections import namedtuple
from itertools import pairwise

from . import _C
from ._autocast import one_op
from ._functions import broadcast_shapes
from .autograd import Function
from .linalg import LinAlgError, _check, _numpy

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


def _dual(t: Tensor) -> Tensor:
    return t.mT.conj()


class _Inverse(Function):
    """Of complex matrices, for the derivative of `eig`."""

    @staticmethod
    def forward(ctx, a):
        numpy = _numpy("eig")
        out = _C.from_numpy(numpy.linalg.inv(a.detach().cpu().numpy())).to(a.device)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx, grad):
        (inverse,) = ctx.saved_tensors
        turned = _dual(inverse)
        return -(turned @ grad @ turned)


class _Eig(Function):
    """A V = V diag(values). The derivative: Boeddeker et al. 2017, "On the computation of complex-valued
    gradients with application to statistically optimum beamforming", for vectors of norm 1.
    """

    @staticmethod
    def forward(ctx, a):
        numpy = _numpy("eig")
        try:
            values, vectors = numpy.linalg.eig(a.detach().cpu().numpy())
        except numpy.linalg.LinAlgError as error:
            raise LinAlgError(
                f"linalg.eig: {str(error).lower()} (input of shape {tuple(a.shape)})"
            ) from error
        kind = numpy.complex64 if a.dtype in (_C.float32, _C.complex64) else numpy.complex128
        values = _C.from_numpy(numpy.ascontiguousarray(values, kind)).to(a.device)
        vectors = _C.from_numpy(numpy.ascontiguousarray(vectors, kind)).to(a.device)
        ctx.save_for_backward(values, vectors)
        ctx.real = not a.is_complex()
        ctx.set_materialize_grads(False)
        return values, vectors

    @staticmethod
    def backward(ctx, grad_values, grad_vectors):
        values, v = ctx.saved_tensors
        if grad_values is None and grad_vectors is None:
            return None
        middle = None if grad_values is None else _ops["diag_embed"](grad_values)
        if grad_vectors is not None:
            inner = _dual(v) @ grad_vectors
            lengths = inner.diagonal(0, -2, -1).real
            inner = inner - _dual(v) @ (v * lengths.unsqueeze(-2).to(v.dtype))
            gaps = (values.unsqueeze(-2) - values.unsqueeze(-1)).conj()
            same = _ops["eye"](v.shape[-1], dtype=_C.bool, device=v.device)
            inner = inner.masked_fill(same, 0) / gaps.masked_fill(same, 1)
            middle = inner if middle is None else middle + inner
        assert middle is not None
        grad = _dual(_Inverse.apply(v)) @ middle @ _dual(v)
        return grad.real if ctx.real else grad


def eig(A: Tensor) -> Any:
    """The eigenvalues (..., n) and eigenvectors (..., n, n), its columns, of norm 1, of square matrices; both
    complex.

    Dtypes: float32, float64, complex64, complex128. Vectors are unique up to a factor of absolute value 1:
    only functions that do not depend on it have a gradient. Raises LinAlgError where A is not finite.

    >>> plait.linalg.eig(plait.tensor([[0.0, -1.0], [1.0, 0.0]])).eigenvalues
    tensor([0.+1.j, 0.-1.j])
    """
    if isinstance(A, _C.Tensor) and A.is_complex():
        if A.dim() < 2 or A.shape[-1] != A.shape[-2]:
            raise ValueError(f"linalg.eig: expected A to be a batch of square matrices, got {tuple(A.shape)}")
    else:
        _check("eig", A)
    return Eig(*_Eig.apply(A))


def eigvals(A: Tensor) -> Tensor:
    """The eigenvalues of square matrices (..., n, n), complex, in no particular order.

    >>> plait.linalg.eigvals(plait.tensor([[2.0, 0.0], [0.0, 3.0]])).real
    tensor([2., 3.])
    """
    return eig(A).eigenvalues


# ---- LU

_BLOCK = 64


def _pivoted(numpy: Any, a: Any) -> tuple[Any, Any]:
    """The packed factors of a batch (b, m, n), in place, and the rows that were exchanged, from 0.

    Right-looking, in blocks of columns, so that most of the work is in matrix products.
    """
    batch, rows, columns = a.shape
    least = min(rows, columns)
    pivots = numpy.zeros((batch, least), numpy.int64)
    every = numpy.arange(batch)
    for first in range(0, least, _BLOCK):
        last = min(first + _BLOCK, least)
        for k in range(first, last):
            pivot = pivots[:, k] = k + numpy.abs(a[:, k:, k]).argmax(1)
            a[every, k], a[every, pivot] = a[every, pivot], a[every, k].copy()
            divisor = a[:, k, k]
            safe = numpy.where(divisor == 0, 1, divisor)  # a column of zeros stays one
            a[:, k + 1 :, k] /= safe[:, None]
            a[:, k + 1 :, k + 1 : last] -= a[:, k + 1 :, k, None] * a[:, k, None, k + 1 : last]
        if last < columns:
            lower = numpy.tril(a[:, first:last, first:last], -1) + numpy.eye(last - first, dtype=a.dtype)
            a[:, first:last, last:] = numpy.linalg.solve(lower, a[:, first:last, last:])
            a[:, last:, last:] -= a[:, last:, first:last] @ a[:, first:last, last:]
    return a, pivots


def _order(pivots: Tensor, rows: int) -> Tensor:
    """Which row of A stands in each row of P^T A."""
    numpy = _numpy("lu")
    swaps = pivots.detach().cpu().numpy().astype(numpy.int64) - 1
    flat = swaps.reshape(math.prod(swaps.shape[:-1]), swaps.shape[-1])
    order = numpy.tile(numpy.arange(rows), (flat.shape[0], 1))
    every = numpy.arange(flat.shape[0])
    for k in range(flat.shape[1]):
        other = flat[:, k]
        order[every, k], order[every, other] = order[every, other], order[every, k].copy()
    return _C.from_numpy(order.reshape(*swaps.shape[:-1], rows)).to(pivots.device)


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
        from .linalg import solve_triangular

        lower, upper = ctx.saved_tensors
        inner = (lower.mT @ grad_lower).tril(-1) + (grad_upper @ upper.mT).triu()
        left = solve_triangular(lower.mT, inner, upper=True, unitriangular=True)
        return solve_triangular(upper.mT, left, upper=False, left=False), None


def _factors(who: str, A: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(order of the rows, L, U, pivots from 1) with A[order] = L U."""
    from .linalg import solve_triangular

    _check(who, A, square=False)
    numpy = _numpy(who)
    rows, columns = A.shape[-2:]
    n = min(rows, columns)
    # Not reshape(-1, ...): a batch may be empty.
    values = numpy.array(A.detach().cpu().numpy()).reshape(math.prod(A.shape[:-2]), rows, columns)
    factors, swaps = _pivoted(numpy, values)
    packed = _C.from_numpy(factors.reshape(tuple(A.shape))).to(A.device)
    pivots = _C.from_numpy((swaps + 1).astype(numpy.int32).reshape(*A.shape[:-2], n)).to(A.device)
    order = _order(pivots, rows)
    if not (A.requires_grad and _C.is_grad_enabled()):
        one = _ops["eye"](rows, dtype=A.dtype, device=A.device)[:, :n]
        return order, packed[..., :n].tril(-1) + one, packed[..., :n, :].triu(), pivots
    a = _rows(A, order)
    lower, upper = _SquareLU.apply(a[..., :n, :n], packed[..., :n, :n])
    if rows > n:  # the rows below follow from U, the columns to the right from L
        below = solve_triangular(upper, a[..., n:, :], upper=True, left=False)
        lower = _ops["cat"]((lower, below), -2)
    if columns > n:
        right = solve_triangular(lower, a[..., n:], upper=False, unitriangular=True)
        upper = _ops["cat"]((upper, right), -1)
    return order, lower, upper, pivots


def _no_choice(who: str, pivot: bool) -> None:
    if not pivot:
        raise NotImplementedError(
            f"linalg.{who}: pivot=False is not implemented (PyTorch has it on CUDA devices alone); use "
            "pivot=True"
        )


@one_op(cpu="float32", cuda="float32")
def lu(A: Tensor, *, pivot: bool = True) -> Any:
    """A = P L U: a permutation, a lower triangle with ones on its diagonal, an upper triangle. (..., m, n)
    gives P (..., m, m), L (..., m, k), U (..., k, n), k = min(m, n). Differentiable where the first k
    columns, or rows, are independent. Dtypes: float32, float64.

    >>> P, L, U = plait.linalg.lu(plait.tensor([[1.0, 2.0], [4.0, 4.0]]))
    >>> L, U
    (tensor([[1.0000, 0.0000],
            [0.2500, 1.0000]]), tensor([[4., 4.],
            [0., 1.]]))
    """
    _no_choice("lu", pivot)
    order, lower, upper, _ = _factors("lu", A)
    return LU(_permutation(order, A.dtype), lower, upper)


def _permutation(order: Tensor, dtype: Any) -> Tensor:
    rows = order.shape[-1]
    return _ops["eye"](rows, dtype=dtype, device=order.device)[order].mT


@one_op(cpu="float32", cuda="float32")
def lu_factor(A: Tensor, *, pivot: bool = True) -> Any:
    """The factors L (below the diagonal) and U of `lu` in one matrix, and the row, from 1, that each row was
    exchanged with in turn, as int32: LAPACK's form, for `lu_solve`. Raises nothing where A is singular: U has
    a zero then.

    >>> plait.linalg.lu_factor(plait.tensor([[1.0, 2.0], [4.0, 4.0]]))
    LUFactor(LU=tensor([[4.0000, 4.0000],
            [0.2500, 1.0000]]), pivots=tensor([2, 2], dtype=plait.int32))
    """
    _no_choice("lu_factor", pivot)
    _, lower, upper, pivots = _factors("lu_factor", A)
    n = min(A.shape[-2:])
    packed = lower.tril(-1)
    if A.shape[-1] > n:
        packed = _ops["cat"]((packed, packed.new_zeros((*A.shape[:-1], A.shape[-1] - n))), -1)
    if A.shape[-2] > n:
        upper = _ops["cat"]((upper, upper.new_zeros((*A.shape[:-2], A.shape[-2] - n, n))), -2)
    return LUFactor(packed + upper, pivots)


@one_op(cpu="float32", cuda="float32")
def lu_solve(LU: Tensor, pivots: Tensor, B: Tensor, *, left: bool = True, adjoint: bool = False) -> Tensor:
    """X with A X = B (or X A = B, `left=False`; A^T in A's place, `adjoint=True`) from the factors of A that
    `lu_factor` gives.

    >>> A = plait.tensor([[1.0, 2.0], [4.0, 4.0]])
    >>> plait.linalg.lu_solve(*plait.linalg.lu_factor(A), plait.tensor([[5.0], [12.0]]))
    tensor([[1.],
            [2.]])
    """
    from .linalg import solve_triangular

    _check("lu_solve", LU, name="LU")
    _check("lu_solve", B, square=False, name="B")
    if pivots.shape != LU.shape[:-1]:
        raise ValueError(
            f"linalg.lu_solve: pivots should be of shape {tuple(LU.shape[:-1])}, got {tuple(pivots.shape)}"
        )
    if not left:  # X A = B is A^T X^T = B^T
        return lu_solve(LU, pivots, B.mT, adjoint=not adjoint).mT
    n = LU.shape[-1]
    if B.shape[-2] != n:
        raise ValueError(f"linalg.lu_solve: LU {tuple(LU.shape)} and B {tuple(B.shape)} do not fit")
    order = _order(pivots, n)
    batch = broadcast_shapes(LU.shape[:-2], B.shape[:-2])
    LU, B, order = LU.expand(*batch, n, n), B.expand(*batch, *B.shape[-2:]), order.expand(*batch, n)
    if not adjoint:
        y = solve_triangular(LU, _rows(B, order), upper=False, unitriangular=True)
        return solve_triangular(LU, y, upper=True)
    y = solve_triangular(LU.mT, B, upper=False)
    y = solve_triangular(LU.mT, y, upper=True, unitriangular=True)
    return _rows(y, order.argsort(-1))


def lu_unpack(
    LU_data: Tensor, LU_pivots: Tensor, unpack_data: bool = True, unpack_pivots: bool = True
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
    p = _permutation(_order(LU_pivots, rows), LU_data.dtype) if unpack_pivots else empty
    return LU(p, lower, upper)


# ---- with a number that says what went wrong


@one_op(cpu="float32", cuda="float32")
def cholesky_ex(A: Tensor, *, upper: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """`cholesky`, and 0, or for a matrix that is not positive definite the order of the first leading block
    that is not, as int32; its factor is NaN then. `out` is a pair of tensors that are written to.

    >>> plait.linalg.cholesky_ex(plait.tensor([[[4.0]], [[-1.0]]])).info
    tensor([0, 1], dtype=plait.int32)
    """
    from .linalg import cholesky

    if out is not None:
        found = cholesky_ex(A, upper=upper, check_errors=check_errors)
        for into, value in zip(out, found, strict=True):
            into.copy_(value)
        return CholeskyEx(*out)
    try:
        factor = cholesky(A, upper=upper)
        return CholeskyEx(factor, _ops["zeros"](A.shape[:-2], dtype=_C.int32, device=A.device))
    except LinAlgError:
        if check_errors:
            raise
    numpy = _numpy("cholesky_ex")
    values = A.detach().cpu().numpy().reshape(math.prod(A.shape[:-2]), *A.shape[-2:])
    info = numpy.array([_first_bad_block(numpy, a) for a in values], numpy.int32).reshape(A.shape[:-2])
    found = _C.from_numpy(info).to(A.device)
    bad = (found != 0).unsqueeze(-1).unsqueeze(-1)
    one = _ops["eye"](A.shape[-1], dtype=A.dtype, device=A.device)
    factor = cholesky(_ops["where"](bad, one, A), upper=upper)
    return CholeskyEx(factor.masked_fill(bad, math.nan), found)


def _first_bad_block(numpy: Any, a: Any) -> int:
    def fails(n: int) -> bool:
        try:
            numpy.linalg.cholesky(a[:n, :n])
        except numpy.linalg.LinAlgError:
            return True
        return False

    if not fails(a.shape[0]):
        return 0
    good, bad = 0, a.shape[0]
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (good, middle) if fails(middle) else (middle, bad)
    return bad


@one_op(cpu="float32", cuda="float32")
def inv_ex(A: Tensor, *, check_errors: bool = False) -> Any:
    """`inv`, and 0, or for a singular matrix the place, from 1, of the first zero on U's diagonal, as int32;
    its inverse is NaN then.

    >>> plait.linalg.inv_ex(plait.tensor([[[4.0]], [[0.0]]])).info
    tensor([0, 1], dtype=plait.int32)
    """
    from .linalg import inv

    try:
        return InvEx(inv(A), _ops["zeros"](A.shape[:-2], dtype=_C.int32, device=A.device))
    except LinAlgError:
        if check_errors:
            raise
    found = _first_zero(lu_factor(A.detach()).LU)
    bad = (found != 0).unsqueeze(-1).unsqueeze(-1)
    one = _ops["eye"](A.shape[-1], dtype=A.dtype, device=A.device)
    return InvEx(inv(_ops["where"](bad, one, A)).masked_fill(bad, math.nan), found)


def _first_zero(lu_of_a: Tensor) -> Tensor:
    """The place, from 1, of the first zero on U's diagonal, and 0 where there is none, as int32."""
    zero = lu_of_a.diagonal(0, -2, -1) == 0
    return _ops["where"](zero.any(-1), zero.to(_C.int32).argmax(-1) + 1, 0).to(_C.int32)


def _refuse_singular(who: str, info: Tensor, check_errors: bool) -> None:
    if check_errors and bool((info != 0).any()):
        raise LinAlgError(f"linalg.{who}: A is singular: U has a zero at {int(info.max())} of its diagonal")


@one_op(cpu="float32", cuda="float32")
def lu_factor_ex(A: Tensor, *, pivot: bool = True, check_errors: bool = False) -> Any:
    """`lu_factor`, and 0, or for a singular matrix the place, from 1, of the first zero on U's diagonal, as
    int32. With check_errors a singular matrix raises LinAlgError.

    >>> plait.linalg.lu_factor_ex(plait.tensor([[[4.0]], [[0.0]]])).info
    tensor([0, 1], dtype=plait.int32)
    """
    packed, pivots = lu_factor(A, pivot=pivot)
    if min(A.shape[-2:]) == 0:
        return LUFactorEx(packed, pivots, _ops["zeros"](A.shape[:-2], dtype=_C.int32, device=A.device))
    info = _first_zero(packed.detach())
    _refuse_singular("lu_factor_ex", info, check_errors)
    return LUFactorEx(packed, pivots, info)


@one_op(cpu="float32", cuda="float32")
def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> Any:
    """`solve`, and 0, or for a singular matrix the place, from 1, of the first zero on U's diagonal, as
    int32; the solution is NaN then. With check_errors a singular matrix raises LinAlgError.

    >>> plait.linalg.solve_ex(plait.tensor([[[4.0]], [[0.0]]]), plait.ones(2, 1, 1)).info
    tensor([0, 1], dtype=plait.int32)
    """
    from .linalg import solve

    none = _ops["zeros"](A.shape[:-2], dtype=_C.int32, device=A.device)
    try:
        return SolveEx(solve(A, B, left=left), none)
    except LinAlgError:
        if check_errors:
            raise
    info = _first_zero(lu_factor(A.detach()).LU)
    bad = (info != 0).unsqueeze(-1).unsqueeze(-1)
    one = _ops["eye"](A.shape[-1], dtype=A.dtype, device=A.device)
    result = solve(_ops["where"](bad, one, A), B, left=left)
    vector = result.dim() < A.dim() or (B.dim() == A.dim() - 1 and B.shape == A.shape[:-1])
    return SolveEx(result.masked_fill(bad.squeeze(-1) if vector else bad, math.nan), info)


# ---- conditions, products


@one_op(cpu="float32", cuda="float32")
def cond(A: Tensor, p: Any = None) -> Tensor:
    """The condition numbers |A| |A^-1| in the norm p: None or 2, -2 (the quotient of the singular values),
    'fro', 'nuc', inf, -inf, 1, -1. Infinite for a singular matrix.

    >>> plait.linalg.cond(plait.tensor([[2.0, 0.0], [0.0, 1.0]]))
    tensor(2.)
    """
    from .linalg import matrix_norm, svdvals

    if p in (None, 2, -2):
        _check("cond", A, square=False)
        s = svdvals(A)
        if s.shape[-1] == 0:
            return s.new_zeros(s.shape[:-1])
        return s[..., 0] / s[..., -1] if p != -2 else s[..., -1] / s[..., 0]
    _check("cond", A)
    inverse, info = inv_ex(A)
    result = matrix_norm(A, p) * matrix_norm(inverse, p)
    return _ops["where"](info != 0, math.inf, result).to(result.dtype)


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """The product of two or more matrices, in the order of fewest multiplications; the first and the last may
    be vectors.

    >>> plait.linalg.multi_dot([plait.tensor([1.0, 2.0]), plait.eye(2), plait.tensor([3.0, 4.0])])
    tensor(11.)
    """
    found = list(tensors)
    if len(found) < 2:
        raise ValueError(f"linalg.multi_dot: expected at least 2 tensors, got {len(found)}")
    first_vector, last_vector = found[0].dim() == 1, found[-1].dim() == 1
    if first_vector:
        found[0] = found[0].unsqueeze(0)
    if last_vector:
        found[-1] = found[-1].unsqueeze(-1)
    for i, t in enumerate(found):
        if t.dim() != 2:
            raise ValueError(f"linalg.multi_dot: tensor {i} should be a matrix, got shape {tuple(t.shape)}")
    for a, b in pairwise(found):
        if a.shape[1] != b.shape[0]:
            raise ValueError(f"linalg.multi_dot: {tuple(a.shape)} and {tuple(b.shape)} do not fit")
    sizes = [t.shape[0] for t in found] + [found[-1].shape[1]]
    n = len(found)
    # Cormen et al., "Introduction to Algorithms", 15.2: the cheapest place to split each stretch i ... j.
    cost = [[0] * n for _ in range(n)]
    split = [[0] * n for _ in range(n)]
    for length in range(1, n):
        for i in range(n - length):
            j = i + length
            options = [
                (cost[i][k] + cost[k + 1][j] + sizes[i] * sizes[k + 1] * sizes[j + 1], k) for k in range(i, j)
            ]
            cost[i][j], split[i][j] = min(options)

    def product(i: int, j: int) -> Tensor:
        return found[i] if i == j else product(i, split[i][j]) @ product(split[i][j] + 1, j)

    result = product(0, n - 1)
    if first_vector:
        result = result.squeeze(0)
    return result.squeeze(-1) if last_vector else result


def tensorinv(A: Tensor, ind: int = 2) -> Tensor:
    """The inverse of A as a linear map from its last dimensions to its first `ind`: of shape A.shape[ind:] +
    A.shape[:ind], whose products must be equal.

    >>> plait.linalg.tensorinv(plait.eye(6).reshape(2, 3, 6), 2).shape
    plait.Size([6, 2, 3])
    """
    from .linalg import inv

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


def tensorsolve(A: Tensor, B: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """X with tensordot(A, X, X.dim()) = B; `dims` of A are moved to its end before.

    >>> plait.linalg.tensorsolve(plait.eye(6).reshape(2, 3, 6), plait.ones(2, 3))
    tensor([1., 1., 1., 1., 1., 1.])
    """
    from .linalg import solve

    if dims is not None:
        A = A.movedim(tuple(dims), tuple(range(A.dim() - len(tuple(dims)), A.dim())))
    shape = tuple(A.shape[B.dim() :])
    n = math.prod(shape)
    if math.prod(A.shape[: B.dim()]) != n or B.numel() != n:
        raise ValueError(f"linalg.tensorsolve: A {tuple(A.shape)} and B {tuple(B.shape)} do not fit")
    return solve(A.reshape(n, n), B.reshape(n)).reshape(shape)


def vander(x: Tensor, *, N: int | None = None) -> Tensor:
    """The powers 0, ..., N - 1 of each element (..., n) -> (..., n, N); N is n where it is not given.

    >>> plait.linalg.vander(plait.tensor([2, 3]), N=3)
    tensor([[1, 2, 4],
            [1, 3, 9]])
    """
    if x.dim() < 1:
        raise ValueError("linalg.vander: expected at least one dimension, got none")
    n = x.shape[-1] if N is None else N
    if n <= 0 and N is not None:
        raise ValueError(f"linalg.vander: N should be above 0, got {N}")
    return x.unsqueeze(-1) ** _ops["arange"](n, device=x.device)
