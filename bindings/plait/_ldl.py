"""LDL factors of symmetric and Hermitian matrices that need not be definite, on the CPU by LAPACK.

Bunch and Kaufman 1977, "Some stable methods for calculating inertia and solving symmetric linear systems", in
the form of LAPACK's sytrf and hetrf with the lower triangle. There are no gradients, as in PyTorch.
"""

from __future__ import annotations

from collections import namedtuple

from . import _lapack
from ._functions import broadcast_shapes
from ._out import with_out
from .linalg import _check, _tape

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

LDLFactor = namedtuple("LDLFactor", ("LD", "pivots"))
LDLFactorEx = namedtuple("LDLFactorEx", ("LD", "pivots", "info"))


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
    found = LDLFactorEx(*_lapack.on_cpu("_linalg_ldl_factor", A.tril(), hermitian))
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

    >>> factors = plait.linalg.ldl_factor(plait.tensor([[0.0, 2.0], [2.0, 0.0]]))
    >>> plait.linalg.ldl_solve(*factors, plait.tensor([[2.0], [4.0]]))
    tensor([[2.],
            [1.]])
    """
    _check("ldl_solve", LD, True, "LD")
    _check("ldl_solve", B, False, "B")
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
    batch = tuple(broadcast_shapes(tuple(LD.shape[:-2]), tuple(B.shape[:-2])))
    factors, swaps = LD.expand(*batch, n, n), pivots.expand(*batch, n)
    return _lapack.on_cpu("_linalg_ldl_solve", factors, swaps, B.expand(*batch, *B.shape[-2:]), hermitian)
