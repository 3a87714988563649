"""Products of groups of rows or columns that differ in size; `plait.nn.functional` hands them on."""

from __future__ import annotations

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def _ends(offs: Tensor, count: int | None, length: int) -> list[int]:
    """The ends of the groups, in rising order from 0 to `length`."""
    if offs.dim() != 1 or offs.dtype not in (plait.int32, plait.int64):
        raise plait.ArgumentError(
            f"grouped_mm: expected offs to be a vector of int32, got {offs.dtype} of shape "
            f"{tuple(offs.shape)}"
        )
    ends = offs.tolist()
    if count is not None and len(ends) != count:
        raise plait.ArgumentError(f"grouped_mm: expected {count} offs, one for each group, got {len(ends)}")
    if any(not 0 <= a <= b <= length for a, b in zip([0, *ends], ends)):
        raise plait.ArgumentError(
            f"grouped_mm: expected offs in rising order from 0 to {length}, the length of the dimension that "
            f"they divide, got {ends}"
        )
    return ends


def grouped_mm(
    mat_a: Tensor,
    mat_b: Tensor,
    *,
    offs: Tensor | None = None,
    bias: Tensor | None = None,
    out_dtype: Any = None,
) -> Tensor:
    """Products of G groups: group i of a matrix reaches from offs[i - 1] (0 for the first) to offs[i].

    Shapes: (rows, K) by (G, K, N), where rows are divided, gives (rows, N); (G, M, K) by (K, columns), where
    columns are divided, (M, columns); (M, K) by (K, N), where K is divided in both, (G, M, N); and
    (G, M, K) by (G, K, N), without offs, (G, M, N). What lies behind the last group gives zeros. `bias` is
    added to the result, and broadcast. `out_dtype`: that of mat_a, or float32. Reads offs, which waits for
    the device. Raises ValueError where shapes or offs do not fit.

    >>> tokens, experts = plait.tensor([[1.0], [2.0], [3.0]]), plait.tensor([[[1.0]], [[10.0]]])
    >>> plait.nn.functional.grouped_mm(tokens, experts, offs=plait.tensor([1, 3])).flatten()
    tensor([ 1., 20., 30.])
    """
    kinds = (mat_a.dim(), mat_b.dim())
    if not {*kinds} <= {2, 3} or mat_a.shape[-1] != mat_b.shape[-2]:
        raise plait.ArgumentError(
            "grouped_mm: expected mat_a (rows, K) or (G, M, K) and mat_b (K, columns) or (G, K, N), got "
            f"{tuple(mat_a.shape)} and {tuple(mat_b.shape)}"
        )
    if (offs is None) != (kinds == (3, 3)):
        raise plait.ArgumentError(
            "grouped_mm: expected offs where one of the operands is a matrix, and none for two of 3 "
            f"dimensions, got {'none' if offs is None else 'offs'} for {kinds[0]} and {kinds[1]} dimensions"
        )
    if out_dtype not in (None, mat_a.dtype, plait.float32):
        raise plait.ArgumentError(
            f"grouped_mm: expected out_dtype {mat_a.dtype}, that of mat_a, or float32, got {out_dtype}"
        )
    if out_dtype is not None:
        mat_a, mat_b = mat_a.to(out_dtype), mat_b.to(out_dtype)
    if offs is None:
        result = plait.bmm(mat_a, mat_b)
    elif kinds == (2, 3):
        ends = _ends(offs, mat_b.shape[0], mat_a.shape[0])
        parts = [mat_a[begin:end] @ b for begin, end, b in zip([0, *ends], ends, mat_b)]
        rest = mat_a.new_zeros((mat_a.shape[0] - (ends[-1] if ends else 0), mat_b.shape[2]))
        result = plait.cat([*parts, rest])
    elif kinds == (3, 2):
        ends = _ends(offs, mat_a.shape[0], mat_b.shape[1])
        parts = [a @ mat_b[:, begin:end] for begin, end, a in zip([0, *ends], ends, mat_a)]
        rest = mat_b.new_zeros((mat_a.shape[1], mat_b.shape[1] - (ends[-1] if ends else 0)))
        result = plait.cat([*parts, rest], 1)
    else:
        ends = _ends(offs, None, mat_a.shape[1])
        parts = [mat_a[:, begin:end] @ mat_b[begin:end] for begin, end in zip([0, *ends], ends)]
        empty = mat_a.new_zeros((0, mat_a.shape[0], mat_b.shape[1]))
        result = plait.stack(parts) if parts else empty
    return result if bias is None else result + bias


_grouped_mm = grouped_mm
