"""Reductions of consecutive parts of a tensor."""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._C import Tensor

_ops = _C.ops

__all__ = [
    "_convert_indices_from_coo_to_csr",
    "_convert_indices_from_csr_to_coo",
    "_segment_reduce",
    "segment_reduce",
]

# What empty segments give, and the reduction of the op.
_REDUCTIONS: dict[str, tuple[float, str]] = {
    "sum": (0.0, "sum"),
    "mean": (0.0, "sum"),
    "prod": (1.0, "prod"),
    "max": (float("-inf"), "amax"),
    "min": (float("inf"), "amin"),
}


def _offsets(data: Tensor, lengths: Tensor | None, offsets: Tensor | None, axis: int, checks: bool) -> Tensor:
    """Where segments begin, and the last one's end, along a last dimension."""
    if (lengths is None) == (offsets is None):
        given = "neither" if lengths is None else "both"
        raise ValueError(f"segment_reduce: expected one of lengths and offsets, got {given}")
    name = "lengths" if offsets is None else "offsets"
    at: Tensor = lengths if offsets is None else offsets  # type: ignore[assignment]
    if at.is_floating_point() or at.is_complex() or at.dtype is _C.bool:
        raise TypeError(f"segment_reduce: expected {name} of an integer dtype, got {at.dtype}")
    if at.dim() != axis + 1 or at.shape[:-1] != data.shape[:axis]:
        raise ValueError(
            f"segment_reduce: expected {name} of shape {(*data.shape[:axis], 'n')}, the sizes of data before "
            f"axis {axis} and then the segments; got {tuple(at.shape)}"
        )
    at = at.to(_C.int64)
    if offsets is not None:
        if at.shape[-1] == 0:
            raise ValueError("segment_reduce: expected an offset where the last segment ends, got none")
        return at
    ends = at.cumsum(-1)
    if checks and at.numel() and (bool((at < 0).any()) or bool((ends[..., -1] != data.shape[axis]).any())):
        raise ValueError(
            "segment_reduce: expected lengths of at least 0 that sum up to the size of data along axis "
            f"{axis}, {data.shape[axis]}, got sums {ends[..., -1].tolist()}; unsafe=True leaves the rest out"
        )
    return _ops["cat"]([ends.new_zeros((*ends.shape[:-1], 1)), ends], -1)


def segment_reduce(
    data: Tensor,
    reduce: str,
    *,
    lengths: Tensor | None = None,
    indices: Tensor | None = None,
    offsets: Tensor | None = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Tensor:
    """Reduces consecutive segments of `data` along `axis` to one element each: "sum", "mean", "prod", "max"
    or "min". The segments are given by their integer `lengths`, or by `offsets`: where each begins, and where
    the last one ends. Each reduction starts from `initial`, by default what changes nothing; empty segments
    give that, and NaN for a mean without initial.

    Shapes: data (..., size, ...); lengths (..., n), whose last dimension stands at `axis`, and offsets
    (..., n + 1) give (..., n, ...). Dtypes: floats. `unsafe` lets lengths sum up to something else than the
    size: what is in no segment does not count.

    >>> plait.segment_reduce(plait.tensor([1.0, 2.0, 3.0]), "sum", lengths=plait.tensor([1, 0, 2]))
    tensor([1., 0., 5.])
    """
    reduce = {"amax": "max", "amin": "min"}.get(reduce, reduce)  # other names of PyTorch's
    if reduce not in _REDUCTIONS:
        names = ", ".join(map(repr, _REDUCTIONS))
        raise ValueError(f"segment_reduce: expected reduce {names}, got {reduce!r}")
    if indices is not None:
        raise NotImplementedError("segment_reduce: expected lengths or offsets of segments, got indices")
    if not data.is_floating_point():
        raise TypeError(
            f"segment_reduce: expected data of a floating dtype, got {data.dtype}; use data.float()"
        )
    if not -data.dim() <= axis < data.dim():
        raise IndexError(
            f"segment_reduce: expected axis from {-data.dim()} to {data.dim() - 1} for data of shape "
            f"{tuple(data.shape)}, got {axis}"
        )
    axis %= data.dim()
    at = _offsets(data, lengths, offsets, axis, not unsafe)
    start, how = _REDUCTIONS[reduce]
    result = _ops["_reduce_segments"](data, at, axis, how, start if initial is None else initial)
    if reduce != "mean":
        return result
    each = at.diff().reshape((*at.shape[:-1], at.shape[-1] - 1, *[1] * (data.dim() - axis - 1)))
    mean = result / each.clamp_min(1)
    return mean if initial is not None else mean.masked_fill(each == 0, float("nan"))


_segment_reduce = segment_reduce  # the name of PyTorch's op


def _convert_indices_from_coo_to_csr(input: Tensor, size: int, *, out_int32: bool = False) -> Tensor:
    """Where each of `size` rows begins, and the last one ends, in `input`: the row of every element, sorted.

    >>> plait._convert_indices_from_coo_to_csr(plait.tensor([0, 0, 2]), 3)
    tensor([0, 2, 2, 3])
    """
    if input.dim() != 1 or input.dtype not in (_C.int64, _C.int32):
        raise TypeError(
            "_convert_indices_from_coo_to_csr: expected a vector of int64 or int32, got shape "
            f"{tuple(input.shape)} and {input.dtype}"
        )
    rows = _ops["arange"](size + 1, dtype=input.dtype, device=input.device)
    return _ops["searchsorted"](input, rows, out_int32=out_int32)


def _convert_indices_from_csr_to_coo(
    crow_indices: Tensor, col_indices: Tensor, *, out_int32: bool = False, transpose: bool = False
) -> Tensor:
    """The row and the column of every element, (2, n), from where rows begin and the columns.

    >>> plait._convert_indices_from_csr_to_coo(plait.tensor([0, 2, 2, 3]), plait.tensor([1, 2, 0]))
    tensor([[0, 0, 2],
            [1, 2, 0]])
    """
    rows = _ops["arange"](len(crow_indices) - 1, device=crow_indices.device)
    rows = rows.repeat_interleave(crow_indices.diff().to(_C.int64))
    both = [col_indices, rows] if transpose else [rows, col_indices]
    return _ops["stack"]([part.to(_C.int32 if out_int32 else _C.int64) for part in both])
