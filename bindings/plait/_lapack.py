"""What `plait.linalg` stands on: one function for each decomposition, without derivatives, that chooses by
the device.

On the CPU it is NumPy's (LAPACK). On CUDA it is cuSOLVER's, by ops that only enqueue. Where cuSOLVER cannot
be loaded, tensors on CUDA are copied to the CPU and results back.

Some matrices have no such decomposition. Functions that give `info` say so there, in LAPACK's way: an int32
tensor of the batch's shape on the same device, 0 where all went well; `check` makes an error of it, which
waits for the device. The result for such a matrix is unspecified. The others wait and raise by themselves.
"""

from __future__ import annotations

import math

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._C import Tensor

_ops = _C.ops
_BLOCK = 64


class LinAlgError(RuntimeError):
    """A matrix has no such decomposition: it is singular, or not positive definite."""


LinAlgError.__module__ = "plait.linalg"


def by_cusolver(t: Tensor) -> bool:
    """Is it on a CUDA device, and cuSOLVER there?"""
    return t.is_cuda and bool(_C._cuda.library_version("cusolver"))


def load_numpy(who: str) -> Any:
    """NumPy, or an error that says what asked for it."""
    try:
        import numpy
    except ImportError as error:
        raise RuntimeError(f"linalg.{who}: needs NumPy, which is not installed; pip install numpy") from error
    return numpy


def _by_numpy(who: str, function: Callable[..., Any], *tensors: Tensor) -> Any:
    """NumPy's result, or tuple of results, on the tensors' values, as tensors."""
    numpy = load_numpy(who)
    try:
        result = function(numpy, *[t.detach().cpu().numpy() for t in tensors])
    except numpy.linalg.LinAlgError as error:
        raise LinAlgError(f"linalg.{who}: {str(error).lower()} ({_shapes(*tensors)})") from error
    many = isinstance(result, tuple)
    device = tensors[0].device
    out = [
        _C.from_numpy(numpy.array(r, order="C", ndmin=0)).to(device) for r in (result if many else (result,))
    ]
    return tuple(out) if many else out[0]


def _shapes(*tensors: Tensor) -> str:
    return f"input of shape {' and '.join(str(tuple(t.shape)) for t in tensors)}"


def check(who: str, info: Tensor, problem: str, *tensors: Tensor) -> None:
    """Raises LinAlgError where a number of `info` is not 0; `problem` says what it means. Waits."""
    if worst := _worst(info):
        raise LinAlgError(f"linalg.{who}: {problem.format(worst)} ({_shapes(*tensors)})")


def _worst(info: Tensor) -> int:
    """The largest number. Waits."""
    if info.numel() == 0:
        return 0
    return int(info.item() if info.dim() == 0 else info.amax().item())


SINGULAR = "a matrix is singular: U has a zero at place {} of its diagonal"
NOT_POSITIVE = "a matrix is not positive definite: its leading block of order {} is not"
NOT_CONVERGED = "the method did not converge for a matrix; does it have infinities or NaN?"


def _among(numpy: Any, function: Callable[..., Any], info_of: Callable, a: Any, *others: Any) -> Any:
    """function(a, *others) for a batch of which some matrices are refused, and info; identities take their
    place.
    """
    batch = a.shape[:-2]
    try:
        return function(a, *others), numpy.zeros(batch, numpy.int32)
    except numpy.linalg.LinAlgError:
        info = numpy.asarray(info_of(a), numpy.int32).reshape(batch)
    one = numpy.eye(a.shape[-1], dtype=a.dtype)
    return function(numpy.where((info != 0)[..., None, None], one, a), *others), info


# ---- Cholesky


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


def cholesky(who: str, a: Tensor) -> tuple[Tensor, Tensor]:
    """The lower factor, and info: the order of the first leading block that is not positive definite."""
    if by_cusolver(a):
        return _ops["_linalg_cholesky"](a)

    def run(np: Any, x: Any) -> tuple[Any, Any]:
        def blocks(x: Any) -> list[int]:
            return [_first_bad_block(np, m) for m in x.reshape(math.prod(x.shape[:-2]), *x.shape[-2:])]

        return _among(np, np.linalg.cholesky, blocks, x)

    return _by_numpy(who, run, a)


# ---- LU, and what follows from it


def _pivoted(numpy: Any, a: Any) -> tuple[Any, Any]:
    """The packed factors of a batch (b, m, n), in place, and the rows that were exchanged, from 0.

    Right-looking, in blocks of columns, so that most of the work is in matrix products.
    """
    batch, rows, columns = a.shape
    least = min(rows, columns)

    def size(x: Any) -> Any:  # LAPACK's, of complex numbers
        return numpy.abs(x.real) + numpy.abs(x.imag) if numpy.iscomplexobj(x) else numpy.abs(x)

    pivots = numpy.zeros((batch, least), numpy.int64)
    every = numpy.arange(batch)
    for first in range(0, least, _BLOCK):
        last = min(first + _BLOCK, least)
        for k in range(first, last):
            pivot = pivots[:, k] = k + size(a[:, k:, k]).argmax(1)
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


def _lu_by_numpy(numpy: Any, x: Any) -> tuple[Any, Any, Any]:
    # Not reshape(-1, ...): a batch may be empty.
    packed, swaps = _pivoted(numpy, numpy.array(x).reshape(math.prod(x.shape[:-2]), *x.shape[-2:]))
    packed = packed.reshape(x.shape)
    zero = numpy.diagonal(packed, 0, -2, -1) == 0
    info = numpy.zeros(x.shape[:-2], numpy.int32)
    if min(x.shape[-2:]):
        info[...] = numpy.where(zero.any(-1), zero.argmax(-1) + 1, 0)
    pivots = (swaps + 1).astype(numpy.int32).reshape(*x.shape[:-2], min(x.shape[-2:]))
    return packed, pivots, info


def lu(who: str, a: Tensor, pivot: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """The packed factors; which row, from 1, each row was exchanged with in turn, int32; and info: the place,
    from 1, of the first zero on U's diagonal. Without `pivot`, of cuSOLVER alone, no rows are exchanged.
    """
    if by_cusolver(a):
        return _ops["_linalg_lu"](a, pivot)
    return _by_numpy(who, _lu_by_numpy, a)


def row_order(pivots: Tensor, rows: int) -> Tensor:
    """Which row stands where after the exchanges."""
    return _ops["_linalg_row_order"](pivots, rows)


def inv(who: str, a: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse, and info as of `lu`."""
    if by_cusolver(a):
        packed, pivots, info = _ops["_linalg_lu"](a)
        one = _ops["eye"](a.shape[-1], dtype=a.dtype, device=a.device)
        return _ops["_linalg_lu_solve"](packed, pivots, one.expand(a.shape)), info
    return _by_numpy(who, lambda np, x: _among(np, np.linalg.inv, lambda y: _lu_by_numpy(np, y)[2], x), a)


def solve(who: str, a: Tensor, b: Tensor) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor] | None]:
    """X with A X = B for matrices B and the same batch; info as of `lu`; and where they are known, factors
    for `solve_adjoint`.
    """
    if by_cusolver(a):
        packed, pivots, info = _ops["_linalg_lu"](a)
        return _ops["_linalg_lu_solve"](packed, pivots, b), info, (packed, pivots)

    def run(np: Any, x: Any, y: Any) -> tuple[Any, Any]:
        return _among(np, np.linalg.solve, lambda z: _lu_by_numpy(np, z)[2], x, y)

    return *_by_numpy(who, run, a, b), None


def solve_adjoint(packed: Tensor, pivots: Tensor, b: Tensor) -> Tensor:
    """X with A^H X = B, of the A that was factored."""
    return _ops["_linalg_lu_solve"](packed, pivots, b, True)


def solve_triangular(who: str, a: Tensor, b: Tensor, upper: bool, unit: bool) -> Tensor:
    """X with A X = B for triangular A, matrices B and the same batch. NumPy raises LinAlgError for a zero on
    the diagonal; cuSOLVER gives infinities.
    """
    if by_cusolver(a):
        return _ops["_linalg_solve_triangular"](a, b, upper, unit)

    def run(np: Any, x: Any, y: Any) -> Any:
        x = np.triu(x, 1 if unit else 0) if upper else np.tril(x, -1 if unit else 0)
        if unit:
            x = x + np.eye(x.shape[-1], dtype=x.dtype)
        if upper:
            return np.linalg.solve(x, y)
        # Turned upside down it is an upper triangle, of which an LU decomposition exchanges no rows: what
        # remains is substitution.
        return np.linalg.solve(x[..., ::-1, ::-1], y[..., ::-1, :])[..., ::-1, :]

    return _by_numpy(who, run, a, b)


def _parity(pivots: Tensor) -> Tensor:
    """1 or -1, as the exchanges are even or odd in number, int64."""
    places = _ops["arange"](1, pivots.shape[-1] + 1, dtype=_C.int32, device=pivots.device)
    return 1 - 2 * ((pivots != places).sum(-1) % 2)


def det(who: str, a: Tensor) -> Tensor:
    """The determinants."""
    if by_cusolver(a):
        packed, pivots, _ = _ops["_linalg_lu"](a)
        return packed.diagonal(0, -2, -1).prod(-1) * _parity(pivots).to(a.dtype)
    return _by_numpy(who, lambda np, x: np.linalg.det(x), a)


def slogdet(who: str, a: Tensor) -> tuple[Tensor, Tensor]:
    """The determinants' signs (of absolute value 1, or 0) and the logarithms of their absolute values."""
    if by_cusolver(a):
        packed, pivots, _ = _ops["_linalg_lu"](a)
        u = packed.diagonal(0, -2, -1)
        return u.sgn().prod(-1) * _parity(pivots).to(a.dtype), u.abs().log().sum(-1)
    return _by_numpy(who, lambda np, x: tuple(np.linalg.slogdet(x)), a)


# ---- orthogonal factors, eigenvalues, singular values


def qr(who: str, a: Tensor, mode: str) -> tuple[Tensor, Tensor]:
    """Q and R of 'reduced' or 'complete' mode; of 'r' an empty tensor and R."""
    if by_cusolver(a):
        return _ops["_linalg_qr"](a, mode)
    if mode == "r":
        return a.new_empty((0,)), _by_numpy(who, lambda np, x: np.linalg.qr(x, "r"), a)
    return _by_numpy(who, lambda np, x: tuple(np.linalg.qr(x, mode)), a)


def geqrf(who: str, a: Tensor) -> tuple[Tensor, Tensor]:
    """R with the vectors of the reflectors below its diagonal, and their factors."""
    if by_cusolver(a):
        return _ops["_linalg_qr"](a, "raw")

    def run(np: Any, x: Any) -> tuple[Any, Any]:
        packed, tau = np.linalg.qr(x, "raw")
        return packed.swapaxes(-2, -1).astype(x.dtype), tau.astype(x.dtype)

    return _by_numpy(who, run, a)


def eigh(who: str, a: Tensor, upper: bool, vectors: bool) -> tuple[Tensor, Tensor | None]:
    """Eigenvalues in rising order, and vectors where they are wanted, of Hermitian matrices."""
    if by_cusolver(a):
        values, found, info = _ops["_linalg_eigh"](a, upper, vectors)
        check(who, info, NOT_CONVERGED, a)
        return values, found if vectors else None
    uplo = "U" if upper else "L"
    if not vectors:
        return _by_numpy(who, lambda np, x: np.linalg.eigvalsh(x, uplo), a), None
    return _by_numpy(who, lambda np, x: tuple(np.linalg.eigh(x, uplo)), a)


def svd(who: str, a: Tensor, full: bool, vectors: bool) -> tuple[Any, Tensor, Any]:
    """U, S and Vh; without vectors S alone."""
    if by_cusolver(a):
        u, s, vh, info = _ops["_linalg_svd"](a, full, vectors)
        if _worst(info) == 0:
            return (u, s, vh) if vectors else (None, s, None)
        # Jacobi's method may give up where the QR algorithm of LAPACK does not: that is asked in its place.
    if not vectors:
        return None, _by_numpy(who, lambda np, x: np.linalg.svd(x, compute_uv=False), a), None
    return _by_numpy(who, lambda np, x: tuple(np.linalg.svd(x, full_matrices=full)), a)


def eig(who: str, a: Tensor, vectors: bool) -> tuple[Tensor, Tensor | None]:
    """Complex eigenvalues, and vectors of norm 1 where they are wanted, of square matrices."""
    if by_cusolver(a):
        values, found, info = _ops["_linalg_eig"](a, vectors)
        check(who, info, NOT_CONVERGED, a)
        return values, found if vectors else None

    def run(np: Any, x: Any) -> Any:
        kind = np.complex64 if x.dtype in (np.float32, np.complex64) else np.complex128
        if not vectors:
            return np.linalg.eigvals(x).astype(kind)
        return tuple(r.astype(kind) for r in np.linalg.eig(x))

    found = _by_numpy(who, run, a)
    return found if vectors else (found, None)
