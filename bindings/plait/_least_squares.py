"""Least squares: pseudo-inverses, ranks, solutions. `plait.linalg` loads them when it is first asked."""

from __future__ import annotations

from collections import namedtuple

from . import _C, _lapack
from ._autocast import one_op
from ._out import with_out
from .autograd import Function
from .linalg import _applied, _check, _same_batch, svdvals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

_ops = _C.ops

Lstsq = namedtuple("Lstsq", ("solution", "residuals", "rank", "singular_values"))


def _relative(A: Tensor) -> float:
    """Up to which part of the largest singular value the others count as zero."""
    from ._numeric_limits import finfo

    return max(A.shape[-2:]) * finfo(A.dtype).eps


def _threshold(A: Tensor, s: Tensor, atol: Any, rtol: Any) -> Tensor:
    """Up to where singular values s (..., k) of A count as zero, (..., 1)."""
    if rtol is None:
        rtol = _relative(A) if atol is None else 0.0
        if atol is None:
            return s.amax(-1, True) * rtol
    atol, rtol = (t.unsqueeze(-1) if isinstance(t, _C.Tensor) else t for t in (atol, rtol))
    relative = rtol * s.amax(-1, True)
    return relative if atol is None else _ops["maximum"](relative, relative.new_zeros(()) + atol)


class _Pinv(Function):
    @staticmethod
    def forward(ctx, a, atol, rtol, hermitian):
        if hermitian:
            values, u = _lapack.eigh("pinv", a, False, True)
            s, vh = values.abs(), u.mH
        else:
            u, s, vh = _lapack.svd("pinv", a, False, True)
            values = s
        kept = s > _threshold(a, s, atol, rtol)
        inverse = _ops["where"](kept, 1 / values, 0.0).to(a.dtype)
        out = (vh.mH * inverse.unsqueeze(-2)) @ u.mH
        ctx.save_for_backward(a, out)
        return out

    @staticmethod
    def backward(ctx, grad):
        a, p = ctx.saved_tensors
        return _pinv_gradient(a, p, grad), None, None, None


def _pinv_gradient(a: Tensor, p: Tensor, grad: Tensor) -> Tensor:
    """Golub and Pereyra 1973, eq. 4.12, for matrices of locally constant rank."""
    g, pt = grad.mH, p.mH
    if a.shape[-2] <= a.shape[-1]:
        k = g @ p
        kp = k @ pt
        return -(p @ k).mH + kp - (a @ p) @ kp + (pt @ p) @ (g - k @ a)
    k = p @ g
    pk = pt @ k
    return -(k @ p).mH + (g - a @ k) @ p @ pt + pk - (pk @ p) @ a


@with_out
@one_op(cpu="float32", cuda="float32")
def pinv(
    A: Tensor,
    rcond: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
    out: Any = None,
) -> Tensor:
    """The Moore-Penrose inverse. Singular values up to the larger of `atol` and `rtol` times the largest of
    them count as zero: rtol is max(m, n) epsilon where neither is given, and 0 where only atol is; `rcond` is
    another name of rtol. Both may be tensors that broadcast to the batch. `hermitian`: A is, and eigenvalues
    are taken; where A is not quite, its Hermitian part counts. The gradient is that of matrices of the same
    rank.

    >>> plait.linalg.pinv(plait.tensor([[2.0], [0.0]]))
    tensor([[0.5000, 0.0000]])
    """
    _check("pinv", A, hermitian)
    if rcond is not None and rtol is not None:
        raise ValueError("linalg.pinv: rcond and rtol are the same: expected one of them, got both")
    rtol = rcond if rtol is None else rtol
    if 0 in A.shape:
        return A.new_zeros((*A.shape[:-2], A.shape[-1], A.shape[-2])) + 0 * A.mT
    return _applied(_Pinv, (A + A.mH) / 2 if hermitian else A, atol, rtol, hermitian)




@with_out
def matrix_rank(
    A: Tensor,
    tol: float | Tensor | None = None,
    hermitian: bool = False,
    *,
    atol: float | Tensor | None = None,
    rtol: float | Tensor | None = None,
    out: Any = None,
) -> Tensor:
    """The number of singular values above the larger of `atol` and `rtol` times the largest of them. rtol is
    max(m, n) epsilon where neither is given, and 0 where only atol is; `tol` is another name of atol. Both
    may be tensors that broadcast to the batch. `hermitian`: A is, and eigenvalues are taken.

    >>> plait.linalg.matrix_rank(plait.tensor([[1.0, 0.0], [0.0, 1e-3]]), atol=0.01)
    tensor(1)
    """
    if tol is not None and atol is not None:
        raise ValueError("linalg.matrix_rank: tol and atol are the same: expected one of them, got both")
    return _rank(A, tol if atol is None else atol, rtol, hermitian)


@one_op(cpu="float32", cuda="float32")
def _rank(A: Tensor, atol: float | Tensor | None, rtol: float | Tensor | None, hermitian: bool) -> Tensor:
    _check("matrix_rank", A, hermitian)
    A = A.detach()
    if 0 in A.shape:
        return _ops["zeros"](A.shape[:-2], dtype=_C.int64, device=A.device)
    if hermitian:
        s = _lapack.eigh("matrix_rank", A, False, False)[0].abs()
    else:
        s = _lapack.svd("matrix_rank", A, False, False)[1]
    return (s > _threshold(A, s, atol, rtol)).sum(-1)


class _Solution(Function):
    """X, ranks and singular values (empty where not wanted) by LAPACK; derivatives by the pseudo-inverse."""

    @staticmethod
    def forward(ctx, a, b, rcond, values):
        x, rank, s, info = _ops["_linalg_lstsq"](a, b, rcond, values)
        _lapack.check("lstsq", info, _lapack.NOT_CONVERGED, a)
        ctx.save_for_backward(a, b)
        ctx.mark_non_differentiable(rank, s)
        ctx.rcond = rcond
        return x, rank, s

    @staticmethod
    def backward(ctx, grad, *_):
        a, b = ctx.saved_tensors
        p = _applied(_Pinv, a, None, ctx.rcond, False)
        return _pinv_gradient(a, p, grad @ b.mH), p.mH @ grad, None, None


_DRIVERS = ("gels", "gelsy", "gelsd", "gelss")


@with_out
@one_op(cpu="float32", cuda="float32")
def lstsq(
    A: Tensor, B: Tensor, rcond: float | None = None, *, driver: str | None = None, out: Any = None
) -> Lstsq:
    """The shortest X of the least |A X - B|: (solution, residuals, rank, singular_values).

    The residuals are the squared norms of the columns of A X - B, where m > n and A is of full rank, else
    empty. `driver` is the name of a LAPACK function, and the result has what that gives: "gels" no ranks,
    only "gelsd" and "gelss" singular values; empty tensors stand for them. On the CPU "gelsd" and "gelss" are
    LAPACK's gelsd, the others gelsy, whose X is the shortest where A is not of full rank, too; CUDA tensors
    are solved by the pseudo-inverse. `rcond` says what counts as zero, as in `pinv`.

    >>> a, b = plait.tensor([[1.0], [0.0]]), plait.tensor([[3.0], [2.0]])
    >>> plait.linalg.lstsq(a, b).residuals
    tensor([4.])
    """
    _check("lstsq", A, False)
    if driver not in (None, *_DRIVERS):
        raise ValueError(f"linalg.lstsq: expected driver {', '.join(map(repr, _DRIVERS))}, got {driver!r}")
    vector = B.dim() == A.dim() - 1
    if vector:
        B = B.unsqueeze(-1)
    _check("lstsq", B, False, "B")
    if A.shape[-2] != B.shape[-2]:
        raise ValueError(f"linalg.lstsq: A {tuple(A.shape)} and B {tuple(B.shape)} do not fit")
    wants_values = driver in ("gelsd", "gelss")
    empty = A.detach().new_empty((0,)).abs()
    if A.is_cuda:
        solution = pinv(A, rtol=rcond) @ B
        rank = matrix_rank(A, rtol=rcond)
        values = svdvals(A.detach()) if wants_values else empty
    else:
        rcond = _relative(A) if rcond is None else rcond
        solution, rank, values = _applied(_Solution, *_same_batch("lstsq", A, B), rcond, wants_values)
    residuals = empty
    if A.shape[-2] > A.shape[-1] and (rank.numel() == 0 or int(rank.amin()) == A.shape[-1]):
        rest = A @ solution - B
        residuals = (rest * rest if not rest.is_complex() else rest.abs() ** 2).sum(-2)
    if driver == "gels":
        rank = rank.new_empty((0,))
    return Lstsq(solution.squeeze(-1) if vector else solution, residuals, rank, values)
