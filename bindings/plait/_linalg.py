"""Linear algebra at the top level and as methods of Tensor, in PyTorch's former signatures."""

from __future__ import annotations

from collections import namedtuple

from . import _lapack, linalg
from ._autocast import one_op
from ._out import with_out
from .linalg import QR, Slogdet
from .overrides import overridable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

__all__ = [
    "cholesky",
    "det",
    "geqrf",
    "inverse",
    "logdet",
    "lu",
    "lu_solve",
    "matrix_exp",
    "matrix_power",
    "ormqr",
    "pinverse",
    "qr",
    "slogdet",
    "svd",
    "triangular_solve",
]

Geqrf = namedtuple("Geqrf", ("a", "tau"))
SVD = namedtuple("SVD", ("U", "S", "V"))
LU = namedtuple("LU", ("LU", "pivots"))
LUInfos = namedtuple("LUInfos", ("LU", "pivots", "infos"))
TriangularSolve = namedtuple("TriangularSolve", ("solution", "cloned_coefficient"))


@with_out
def lu(A: Tensor, pivot: bool = True, get_infos: bool = False, *, out: Any = None) -> LU | LUInfos:
    """See plait.linalg.lu_factor; with get_infos also plait.linalg.lu_factor_ex's info."""
    factors, pivots, infos = linalg.lu_factor_ex(A, pivot=pivot)
    return LUInfos(factors, pivots, infos) if get_infos else LU(factors, pivots)


@with_out
def lu_solve(b: Tensor, LU_data: Tensor, LU_pivots: Tensor, *, out: Any = None) -> Tensor:
    """See plait.linalg.lu_solve, whose factors come first."""
    return linalg.lu_solve(LU_data, LU_pivots, b)


@with_out
def triangular_solve(
    b: Tensor,
    A: Tensor,
    upper: bool = True,
    transpose: bool = False,
    unitriangular: bool = False,
    *,
    out: Any = None,
) -> TriangularSolve:
    """See plait.linalg.solve_triangular: X with A X = b, or A^T X = b, and a copy of A."""
    triangle = A.mT if transpose else A
    x = linalg.solve_triangular(triangle, b, upper=upper != transpose, unitriangular=unitriangular)
    return TriangularSolve(x, A.clone())


@with_out
def det(input: Tensor, *, out: Any = None) -> Tensor:
    """See plait.linalg.det."""
    return linalg.det(input)


@with_out
def slogdet(input: Tensor, *, out: Any = None) -> Slogdet:
    """See plait.linalg.slogdet."""
    return linalg.slogdet(input)


@with_out
def matrix_power(input: Tensor, n: int, *, out: Any = None) -> Tensor:
    """See plait.linalg.matrix_power."""
    return linalg.matrix_power(input, n)


@overridable
def matrix_exp(input: Tensor) -> Tensor:
    """See plait.linalg.matrix_exp."""
    return linalg.matrix_exp(input)


@with_out
def inverse(input: Tensor, *, out: Any = None) -> Tensor:
    """See plait.linalg.inv."""
    return linalg.inv(input)


@overridable
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """See plait.linalg.pinv."""
    return linalg.pinv(input, rcond)


@with_out
def cholesky(input: Tensor, upper: bool = False, *, out: Any = None) -> Tensor:
    """See plait.linalg.cholesky."""
    return linalg.cholesky(input, upper=upper)


@with_out
def qr(input: Tensor, some: bool = True, *, out: Any = None) -> QR:
    """See plait.linalg.qr."""
    return linalg.qr(input, "reduced" if some else "complete")


@with_out
def geqrf(input: Tensor, *, out: Any = None) -> Geqrf:
    """The QR decomposition of matrices (..., m, n) as LAPACK packs it: `a` has R on and above its diagonal
    and below it the vectors of the reflectors whose product is Q, `tau` (..., min(m, n)) their factors: see
    plait.linalg.householder_product and plait.ormqr. No gradient is recorded; plait.linalg.qr has one.

    >>> plait.geqrf(plait.tensor([[3.0], [4.0]])).a
    tensor([[-5.0000],
            [ 0.5000]])
    """
    linalg._check("geqrf", input, False)
    return Geqrf(*_lapack.qr(input.detach(), "raw"))


def orgqr(input: Tensor, tau: Tensor, *, out: Any = None) -> Tensor:
    """plait.linalg.householder_product: the Q of the reflectors that plait.geqrf gives.

    >>> plait.orgqr(*plait.geqrf(plait.tensor([[3.0], [4.0]])))
    tensor([[-0.6000],
            [-0.8000]])
    """
    return linalg.householder_product(input, tau, out=out)


@with_out
def ormqr(
    input: Tensor, tau: Tensor, other: Tensor, left: bool = True, transpose: bool = False, *, out: Any = None
) -> Tensor:
    """Q other, or other Q where not `left`, for the Q (m, m) of the reflectors in `input` (..., m, k) and
    their factors `tau` (..., k), as plait.geqrf gives them; with `transpose` for Q^H.

    >>> a, tau = plait.geqrf(plait.tensor([[3.0], [4.0]]))
    >>> plait.ormqr(a, tau, plait.tensor([[3.0], [4.0]]), transpose=True)
    tensor([[-5.],
            [ 0.]])
    """
    from ._factorizations import reflected

    linalg._check("ormqr", input, False, "input")
    linalg._check("ormqr", other, False, "other")
    rows, count = input.shape[-2], tau.shape[-1] if tau.dim() else -1
    fits = other.shape[-2 if left else -1] == rows and input.shape[:-2] == other.shape[:-2] == tau.shape[:-1]
    if not fits or not 0 <= count <= min(input.shape[-2:]) or not input.dtype is tau.dtype is other.dtype:
        side = "(..., m, n)" if left else "(..., n, m)"
        raise ValueError(
            f"ormqr: expected input (..., m, k), tau of at most k and other {side} of one batch and dtype, "
            f"got {tuple(input.shape)} {input.dtype}, {tuple(tau.shape)} {tau.dtype} and "
            f"{tuple(other.shape)} {other.dtype}"
        )
    if not input.is_cuda and not linalg._tape(input, tau, other):
        return linalg._ops["_linalg_ormqr"](input, tau, other, left, transpose)
    if left:
        return reflected(input, tau, other, transpose)
    return reflected(input, tau, other.mH, not transpose).mH


@overridable
def logdet(input: Tensor) -> Tensor:
    """The logarithm of the determinant, complex of complex matrices; NaN where that is negative.

    >>> plait.logdet(plait.eye(2))
    tensor(0.)
    """
    sign, log = linalg.slogdet(input)
    return log + sign.log() if input.is_complex() else log.masked_fill(sign < 0, float("nan"))


@with_out
@one_op(cpu="float32", cuda="float32")
def svd(input: Tensor, some: bool = True, compute_uv: bool = True, *, out: Any = None) -> SVD:
    """input = U diag(S) V^H: with V, where plait.linalg.svd gives its conjugate transpose.

    >>> plait.svd(plait.ones(3, 2)).V.shape
    plait.Size([2, 2])
    """
    if not compute_uv:
        rows, columns = input.shape[-2:]
        batch = tuple(input.shape[:-2])
        zeros = [input.new_zeros((*batch, n, n)) for n in (rows, columns)]
        return SVD(zeros[0], linalg.svdvals(input), zeros[1])
    u, s, vh = linalg._decomposed(input, not some)
    return SVD(u, s, vh.mH)
