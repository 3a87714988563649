"""Norms and products of plait.linalg, which are compositions of ops."""

from __future__ import annotations

from . import _C
from ._autocast import one_op
from ._out import with_out
from .overrides import overridable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

_ops = _C.ops


vector_norm = _ops["linalg_vector_norm"]
vecdot = _ops["linalg_vecdot"]
cross = _ops["linalg_cross"]


@with_out
@one_op(cuda="float32")
def matrix_norm(
    A: Tensor,
    ord: float | str = "fro",
    dim: Sequence[int] = (-2, -1),
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """Norms of matrices in two dimensions: 'fro', 'nuc' (the sum of singular values), 2 and -2 (the largest
    and the smallest), 1 and -1 (of column sums), inf and -inf (of row sums).

    >>> plait.linalg.matrix_norm(plait.eye(4))
    tensor(2.)
    """
    if dtype is not None:
        A = A.to(dtype)
    if len(dim) != 2 or A.dim() < 2 or dim[0] % A.dim() == dim[1] % A.dim():
        raise ValueError(
            f"linalg.matrix_norm: expected two different dimensions, got dim {tuple(dim)} of shape "
            f"{tuple(A.shape)}"
        )
    first, second = (d % A.dim() for d in dim)
    if ord == "fro":
        return vector_norm(A, 2, (first, second), keepdim)
    if ord in ("nuc", 2, -2):
        from .linalg import svdvals

        values = svdvals(A.movedim((first, second), (-2, -1)))
        empty = ord == 2 and values.shape[-1] == 0  # its largest is 0
        result = values.sum(-1) if ord == "nuc" or empty else values.amax(-1) if ord == 2 else values.amin(-1)
    elif ord in (1, -1, float("inf"), float("-inf")):
        rows = abs(ord) != 1  # type: ignore[arg-type]
        summed, rest = (second, first) if rows else (first, second)
        sums = A.abs().sum(summed, True)
        if ord > 0 and sums.shape[rest] == 0:  # type: ignore[operator]
            kept = sums.sum(rest, True)  # 0
        else:
            kept = sums.amax(rest, True) if ord > 0 else sums.amin(rest, True)  # type: ignore[operator]
        return kept if keepdim else kept.squeeze((first, second))
    else:
        raise ValueError(
            f"linalg.matrix_norm: expected ord 'fro', 'nuc', 1, -1, 2, -2, inf or -inf, got {ord!r}"
        )
    if keepdim:
        low, high = sorted((first, second))
        result = result.unsqueeze(low).unsqueeze(high)
    return result


@overridable
def norm(
    A: Tensor,
    ord: float | str | None = None,
    dim: int | Sequence[int] | None = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
    out: Any = None,
) -> Tensor:
    """A vector norm, or a matrix norm where `dim` has two dimensions (or A has, with `ord` given).

    >>> plait.linalg.norm(plait.tensor([3.0, 4.0]))
    tensor(5.)
    """
    if ord is None:
        return vector_norm(A, 2, dim, keepdim, dtype=dtype, out=out)
    if dim is None:
        if A.dim() == 2:
            return matrix_norm(A, ord, (0, 1), keepdim, dtype=dtype, out=out)
        if A.dim() > 2:
            raise ValueError(f"linalg.norm: with ord={ord!r} and dim=None A should have 1 or 2 dimensions")
    elif not isinstance(dim, int) and len(dim) == 2:
        return matrix_norm(A, ord, dim, keepdim, dtype=dtype, out=out)
    elif not isinstance(dim, int) and len(dim) != 1:
        raise ValueError(f"linalg.norm: with ord={ord!r} expected 1 or 2 dimensions, got dim {tuple(dim)}")
    return vector_norm(A, ord, dim, keepdim, dtype=dtype, out=out)


@overridable
def matmul(input: Tensor, other: Tensor, *, out: Any = None) -> Tensor:
    """plait.matmul."""
    return _ops["matmul"](input, other) if out is None else _ops["matmul"](input, other, out=out)


@overridable
def diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """The diagonals of matrices, as a view."""
    return _ops["diagonal"](A, offset, dim1, dim2)
