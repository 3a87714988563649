"""LDL factors of symmetric and Hermitian matrices that need not be definite, on the CPU by NumPy.

Bunch and Kaufman 1977, "Some stable methods for calculating inertia and solving symmetric linear systems", in
the form of LAPACK's sytf2 and hetf2 with the lower triangle. There are no gradients, as in PyTorch.
"""

from __future__ import annotations

import math
from collections import namedtuple

from . import _C, _lapack
from ._functions import broadcast_shapes
from ._out import with_out
from .linalg import _check, _tape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

LDLFactor = namedtuple("LDLFactor", ("LD", "pivots"))
LDLFactorEx = namedtuple("LDLFactorEx", ("LD", "pivots", "info"))
_ALPHA = (1 + math.sqrt(17)) / 8  # bounds the growth of elements


def _size(numpy: Any, x: Any) -> Any:
    return numpy.abs(x.real) + numpy.abs(x.imag) if numpy.iscomplexobj(x) else numpy.abs(x)


def _choose_pivot(numpy: Any, a: Any, k: int) -> tuple[int, int]:
    """Which row and column comes to the end of the next block, and the block's order, 1 or 2; order 0 where
    the column is zero.
    """
    n = a.shape[0]
    own = _size(numpy, a[k, k])
    below = _size(numpy, a[k + 1 :, k])
    largest = k + 1 + int(below.argmax()) if k + 1 < n else k
    column = below.max() if k + 1 < n else 0.0
    if max(own, column) == 0 or numpy.isnan(own):
        return k, 0
    if own >= _ALPHA * column:
        return k, 1
    row = _size(numpy, a[largest, k:])
    row[largest - k] = 0
    if own >= _ALPHA * column * (column / row.max()):
        return k, 1
    return largest, 1 if _size(numpy, a[largest, largest]) >= _ALPHA * row.max() else 2


def _factor(numpy: Any, a: Any, hermitian: bool) -> tuple[Any, int]:
    """The pivots and info of one matrix (all of it, not a triangle), which becomes L and D."""
    n = a.shape[0]
    turned = numpy.conj if hermitian else (lambda x: x)
    pivots = numpy.zeros(n, numpy.int32)
    info = k = 0
    while k < n:
        pivot, order = _choose_pivot(numpy, a, k)
        step = max(order, 1)
        last = k + step - 1
        if pivot != last:
            a[k:, [last, pivot]] = a[k:, [pivot, last]]
            a[[last, pivot], k:] = a[[pivot, last], k:]
        pivots[k : k + step] = (pivot + 1) * (-1 if step == 2 else 1)
        if order == 0:
            info = info or k + 1
        else:
            block, below = a[k : k + step, k : k + step], a[k + step :, k : k + step].copy()
            lower = numpy.linalg.solve(block.T, below.T).T
            a[k + step :, k + step :] -= lower @ turned(below.T)
            a[k + step :, k : k + step] = lower
        k += step
    return pivots, info


def _solve(numpy: Any, a: Any, pivots: Any, b: Any, hermitian: bool) -> None:
    """b becomes the solution, by the factors of one matrix."""
    n = a.shape[0]
    turned = numpy.conj if hermitian else (lambda x: x)
    blocks = []
    k = 0
    while k < n:
        blocks.append((k, 2 if pivots[k] < 0 else 1))
        k += blocks[-1][1]
    for k, step in blocks:
        last, pivot, end = k + step - 1, abs(int(pivots[k])) - 1, k + step
        b[[last, pivot]] = b[[pivot, last]]
        b[end:] -= a[end:, k:end] @ b[k:end]
        block = numpy.tril(a[k:end, k:end])
        b[k:end] = numpy.linalg.solve(block + turned(numpy.tril(block, -1).T), b[k:end])
    for k, step in reversed(blocks):
        last, pivot, end = k + step - 1, abs(int(pivots[k])) - 1, k + step
        b[k:end] -= turned(a[end:, k:end].T) @ b[end:]
        b[[last, pivot]] = b[[pivot, last]]


@with_out
def ldl_factor_ex(A: Tensor, *, hermitian: bool = False, check_errors: bool = False, out: Any = None) -> Any:
    """`ldl_factor`, and 0, or for a singular matrix the place, from 1, of D's first zero block, as int32.
    With check_errors a singular matrix raises LinAlgError.

    >>> plait.linalg.ldl_factor_ex(plait.tensor([[0.0, 0.0], [0.0, 1.0]])).info
    tensor(1, dtype=plait.int32)
    """
    return _factored("ldl_factor_ex", A, hermitian, check_errors)


def _factored(who: str, A: Tensor, hermitian: bool, strict: bool) -> Any:
    _check(who, A)
    if _tape(A):
        raise _lapack.LinAlgError(f"linalg.{who}: has no gradient; give A.detach(), or use linalg.solve")
    numpy = _lapack.load_numpy(who)
    lower = A.tril()
    full = lower.cpu().numpy()
    rest = numpy.tril(full, -1).swapaxes(-1, -2)
    hermitian = hermitian and A.is_complex()
    full = full + (rest.conj() if hermitian else rest)
    flat = full.reshape(math.prod(A.shape[:-2]), *A.shape[-2:])
    pivots, info = numpy.zeros(flat.shape[:-1], numpy.int32), numpy.zeros(flat.shape[0], numpy.int32)
    for i, a in enumerate(flat):
        pivots[i], info[i] = _factor(numpy, a, hermitian)
    packed = _C.from_numpy(numpy.tril(flat).reshape(A.shape)).to(A.device)
    found = LDLFactorEx(
        packed,
        _C.from_numpy(pivots.reshape(A.shape[:-1])).to(A.device),
        _C.from_numpy(info.reshape(A.shape[:-2])).to(A.device),
    )
    if strict:
        _lapack.check(who, found.info, "a matrix is singular: D has a zero at place {}", A)
    return found


@with_out
def ldl_factor(A: Tensor, *, hermitian: bool = False, out: Any = None) -> Any:
    """A = L D L^T (with `hermitian`, L D L^H) of symmetric (Hermitian) matrices (..., n, n), whose lower
    triangle is read: D in blocks of order 1 and 2, and L below them, in one matrix, and the exchanges of rows
    as int32, in the form of LAPACK's sytrf. For `ldl_solve`. Computed on the CPU; has no gradient.

    >>> plait.linalg.ldl_factor(plait.tensor([[4.0, 2.0], [2.0, 0.0]]))
    LDLFactor(LD=tensor([[ 4.0000,  0.0000],
            [ 0.5000, -1.0000]]), pivots=tensor([1, 2], dtype=plait.int32))
    """
    return LDLFactor(*_factored("ldl_factor", A, hermitian, True)[:2])


@with_out
def ldl_solve(LD: Tensor, pivots: Tensor, B: Tensor, *, hermitian: bool = False, out: Any = None) -> Tensor:
    """X with A X = B for matrices B (..., n, k), from what `ldl_factor` gives of A. Computed on the CPU; has
    no gradient.

    >>> plait.linalg.ldl_solve(*plait.linalg.ldl_factor(plait.tensor([[0.0, 2.0], [2.0, 0.0]])), plait.eye(2))
    tensor([[0.0000, 0.5000],
            [0.5000, 0.0000]])
    """
    _check("ldl_solve", LD, name="LD")
    _check("ldl_solve", B, square=False, name="B")
    n = LD.shape[-1]
    if LD.dtype is not B.dtype:
        raise TypeError(f"linalg.ldl_solve: expected one dtype, got LD of {LD.dtype} and B of {B.dtype}")
    if B.shape[-2] != n or pivots.shape != LD.shape[:-1]:
        raise ValueError(
            f"linalg.ldl_solve: LD {tuple(LD.shape)}, pivots {tuple(pivots.shape)} and B {tuple(B.shape)} do "
            "not fit"
        )
    if _tape(LD, B):
        raise _lapack.LinAlgError("linalg.ldl_solve: has no gradient; use linalg.solve")
    numpy = _lapack.load_numpy("ldl_solve")
    batch = tuple(broadcast_shapes(tuple(LD.shape[:-2]), tuple(B.shape[:-2])))
    count = math.prod(batch)
    factors = LD.expand(*batch, n, n).cpu().numpy().reshape(count, n, n)
    swaps = pivots.expand(*batch, n).cpu().numpy().reshape(count, n)
    if ((abs(swaps) < 1) | (abs(swaps) > n)).any():
        raise ValueError(f"linalg.ldl_solve: expected pivots from 1 to {n}, or their negatives")
    columns = B.shape[-1]
    x = numpy.array(B.expand(*batch, n, columns).cpu().numpy()).reshape(count, n, columns)
    for a, p, b in zip(factors, swaps, x, strict=True):
        _solve(numpy, a, p, b, hermitian and LD.is_complex())
    return _C.from_numpy(x.reshape(*batch, n, columns)).to(B.device)
