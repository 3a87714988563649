"""What `plait.linalg` stands on: one function for each decomposition, without derivatives.

They are ops: LAPACK's on the CPU (the one that NumPy is linked to), cuSOLVER's on CUDA, which only enqueue.
Where cuSOLVER cannot be loaded, tensors on CUDA are copied to the CPU and results back.

Some matrices have no such decomposition. Functions that give `info` say so there, in LAPACK's way: an int32
tensor of the batch's shape on the same device, 0 where all went well; `check` makes an error of it, which
waits for the device. The result for such a matrix is unspecified. The others wait and raise by themselves.
"""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

_ops = _C.ops


class LinAlgError(RuntimeError):
    """A matrix has no such decomposition: it is singular, or not positive definite."""


LinAlgError.__module__ = "plait.linalg"


def by_cusolver(t: Tensor) -> bool:
    """Is it on a CUDA device, and cuSOLVER there?"""
    return t.is_cuda and bool(_C._cuda.library_version("cusolver"))


def _run(name: str, a: Tensor, *others: Any) -> Any:
    """The op's results, on the device of `a`."""
    if a.is_cuda and not by_cusolver(a):
        return on_cpu(name, a, *others)
    return _ops[name](a, *others)


def on_cpu(name: str, a: Tensor, *others: Any) -> Any:
    """The op's results, computed on the CPU, on the device of `a`."""
    if not a.is_cuda:
        return _ops[name](a, *others)
    results = _ops[name](a.cpu(), *[x.cpu() if isinstance(x, _C.Tensor) else x for x in others])
    if isinstance(results, tuple):
        return tuple(r.to(a.device) for r in results)
    return results.to(a.device)


def check(who: str, info: Tensor, problem: str, *tensors: Tensor) -> None:
    """Raises LinAlgError where a number of `info` is not 0; `problem` says what it means. Waits."""
    if worst := _C._largest_info(info):
        shapes = " and ".join(str(tuple(t.shape)) for t in tensors)
        raise LinAlgError(f"linalg.{who}: {problem.format(worst)} (input of shape {shapes})")


SINGULAR = "a matrix is singular: U has a zero at place {} of its diagonal"
NOT_POSITIVE = "a matrix is not positive definite: its leading block of order {} is not"
NOT_CONVERGED = "the method did not converge for a matrix; does it have infinities or NaN?"


# ---- Cholesky, LU, and what follows from it


def cholesky(a: Tensor) -> tuple[Tensor, Tensor]:
    """The lower factor, and info: the order of the first leading block that is not positive definite."""
    return _run("_linalg_cholesky", a)


def lu(a: Tensor, pivot: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """The packed factors; which row, from 1, each row was exchanged with in turn, int32; and info: the place,
    from 1, of the first zero on U's diagonal. Without `pivot`, of cuSOLVER alone, no rows are exchanged.
    """
    return _run("_linalg_lu", a, pivot)


def row_order(pivots: Tensor, rows: int) -> Tensor:
    """Which row stands where after the exchanges."""
    return _ops["_linalg_row_order"](pivots, rows)


def lu_solve(packed: Tensor, pivots: Tensor, b: Tensor, adjoint: bool = False) -> Tensor:
    """X with A X = B, or A^H X = B, of the A that was factored."""
    return _run("_linalg_lu_solve", packed, pivots, b, adjoint)


def inv(a: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse, and info as of `lu`."""
    packed, pivots, info = lu(a)
    one = _ops["eye"](a.shape[-1], dtype=a.dtype, device=a.device)
    return lu_solve(packed, pivots, one.expand(a.shape)), info


def solve(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """X with A X = B for matrices B and the same batch; info as of `lu`; and packed factors and pivots, for
    `lu_solve`.
    """
    packed, pivots, info = lu(a)
    return lu_solve(packed, pivots, b), info, packed, pivots


def solve_triangular(a: Tensor, b: Tensor, upper: bool, unit: bool) -> Tensor:
    """X with A X = B for triangular A, matrices B and the same batch. A zero on the diagonal gives infinities
    or NaN.
    """
    return _run("_linalg_solve_triangular", a, b, upper, unit)


def _parity(pivots: Tensor) -> Tensor:
    """1 or -1, as the exchanges are even or odd in number, int64."""
    places = _ops["arange"](1, pivots.shape[-1] + 1, dtype=_C.int32, device=pivots.device)
    return 1 - 2 * ((pivots != places).sum(-1) % 2)


def det(a: Tensor) -> Tensor:
    """The determinants."""
    packed, pivots, _ = lu(a)
    return packed.diagonal(0, -2, -1).prod(-1) * _parity(pivots).to(a.dtype)


def slogdet(a: Tensor) -> tuple[Tensor, Tensor]:
    """The determinants' signs (of absolute value 1, or 0) and the logarithms of their absolute values."""
    packed, pivots, _ = lu(a)
    u = packed.diagonal(0, -2, -1)
    return u.sgn().prod(-1) * _parity(pivots).to(a.dtype), u.abs().log().sum(-1)


# ---- orthogonal factors, eigenvalues, singular values


def qr(a: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    """Q and R of 'reduced' or 'complete' mode; of 'r' an empty tensor and R; of 'raw' R with the vectors of
    the reflectors below its diagonal, and their factors.
    """
    return _run("_linalg_qr", a, mode)


def householder_product(a: Tensor, tau: Tensor) -> Tensor:
    """The columns of the product of reflectors that stand below the diagonal."""
    return _run("_linalg_householder_product", a, tau)


def eigh(who: str, a: Tensor, upper: bool, vectors: bool = True) -> tuple[Tensor, Tensor]:
    """Eigenvalues in rising order, and vectors (or an empty tensor), of Hermitian matrices."""
    values, found, info = _run("_linalg_eigh", a, upper, vectors)
    check(who, info, NOT_CONVERGED, a)
    return values, found


def svd(who: str, a: Tensor, full: bool, vectors: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """U, S and Vh; without vectors U and Vh are empty."""
    u, s, vh, info = _run("_linalg_svd", a, full, vectors)
    if _C._largest_info(info):
        if a.is_cuda:  # Jacobi's method may give up where LAPACK's does not: that is asked in its place
            u, s, vh, info = on_cpu("_linalg_svd", a, full, vectors)
        check(who, info, NOT_CONVERGED, a)
    return u, s, vh


def eig(who: str, a: Tensor, vectors: bool) -> tuple[Tensor, Tensor]:
    """Complex eigenvalues, and vectors of norm 1 (or an empty tensor), of square matrices."""
    values, found, info = _run("_linalg_eig", a, vectors)
    check(who, info, NOT_CONVERGED, a)
    return values, found
