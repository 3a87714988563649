"""Counts of samples in bins, with their edges."""

from __future__ import annotations

from collections import namedtuple

from . import _C
from ._out import with_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

_ops = _C.ops

Histogram = namedtuple("Histogram", ("hist", "bin_edges"))

__all__ = ["histogram", "histogramdd"]


def _edges(who: str, x: Tensor, bins: Any, limits: Sequence[float] | None) -> Tensor:
    """The edges of bins: those given, or equally spaced ones between the limits, or between the least and the
    largest sample, x (2); of no samples x is empty.
    """
    if isinstance(bins, _C.Tensor):
        if bins.dim() != 1 or bins.numel() < 2 or bins.dtype is not x.dtype:
            raise ValueError(
                f"{who}: expected the edges of bins as a 1-d tensor of dtype {x.dtype} with two elements or "
                f"more, got shape {tuple(bins.shape)} and dtype {bins.dtype}"
            )
        if limits is not None:
            raise ValueError(f"{who}: expected range only with a number of bins, got it beside their edges")
        return bins
    if bins < 1:
        raise ValueError(f"{who}: expected at least one bin, got {bins}")
    if limits is not None:
        low, high = (float(v) for v in limits)
    elif x.numel() == 0:
        low, high = 0.0, 1.0
    else:
        low, high = x.tolist()
    if not (-float("inf") < low <= high < float("inf")):
        raise ValueError(f"{who}: expected a finite range in rising order, got from {low} to {high}")
    if low == high:
        low, high = low - 0.5, high + 0.5
    return _ops["linspace"](low, high, bins + 1, dtype=x.dtype, device=x.device)


def _ends(points: Tensor, bins: Sequence[Any], limits: Any) -> Tensor:
    """The least and the largest numbers of the points, if there are any and they are needed."""
    if limits is not None or points.shape[0] == 0 or all(isinstance(b, _C.Tensor) for b in bins):
        return points[:0]
    return _ops["stack"]([points.amin(0), points.amax(0)])


def _checked(who: str, input: Tensor, weight: Tensor | None, samples: tuple[int, ...]) -> None:
    if not input.is_floating_point():
        raise TypeError(f"{who}: expected a floating dtype, got {input.dtype}; use input.float()")
    if weight is not None and (tuple(weight.shape) != samples or weight.dtype is not input.dtype):
        raise ValueError(
            f"{who}: expected a weight for each sample, of shape {samples} and dtype {input.dtype}, got "
            f"{tuple(weight.shape)} and {weight.dtype}"
        )


def histogramdd(
    input: Tensor,
    bins: int | Sequence[int] | Sequence[Tensor],
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
) -> Any:
    """Counts of points in boxes: (hist, bin_edges), of shape (bins_1, ..., bins_N) and N tensors.

    Shapes: input (..., N). `bins`: a number of bins, one for each coordinate, or the edges for each. `range`:
    the lower and upper end for each coordinate, one after the other; the least and largest unless given.
    `weight` counts points in place of 1; `density` divides by the sum, and by the volumes of the boxes.
    Points outside are not counted; of points without coordinates none is.

    >>> plait.histogramdd(plait.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]]), bins=[2, 2]).hist
    tensor([[0., 1.],
            [1., 1.]])
    """
    if input.dim() < 1:
        raise ValueError(f"histogramdd: expected input of shape (..., N), got {tuple(input.shape)}")
    _checked("histogramdd", input, weight, tuple(input.shape[:-1]))
    n = input.shape[-1]
    each: list[Any] = [bins] * n if isinstance(bins, int) else list(bins)
    if len(each) != n or (range is not None and len(range) != 2 * n):
        raise ValueError(
            f"histogramdd: expected bins and pairs of range for {n} coordinates, got {len(each)} and "
            f"{'none' if range is None else len(range)} numbers"
        )
    if n == 0:
        return Histogram(_ops["zeros"]((), dtype=input.dtype, device=input.device), [])
    points = input.detach().reshape(-1, n)
    limits = [None if range is None else range[2 * i : 2 * i + 2] for i in _ints(n)]
    ends = _ends(points, each, range)
    edges = [_edges("histogramdd", ends[:, i], each[i], limits[i]) for i in _ints(n)]
    hist = _ops["_histogram"](points, edges, None if weight is None else weight.detach().reshape(-1))
    if density:
        hist = hist / hist.sum()
        for i, e in enumerate(edges):
            hist = hist / e.diff().reshape([-1 if d == i else 1 for d in _ints(n)])
    return Histogram(hist, edges)


_ints = range


@with_out
def histogram(
    input: Tensor,
    bins: int | Tensor,
    *,
    range: Sequence[float] | None = None,
    weight: Tensor | None = None,
    density: bool = False,
    out: Any = None,
) -> Any:
    """Counts of the elements in bins: (hist, bin_edges). `bins` is their number, equally wide from the least
    to the largest element (or over `range`), or a 1-d tensor of their edges. A bin has its left edge, the
    last one both. `weight` (of input's shape) counts elements in place of 1; `density` divides by the sum,
    and by the widths. Elements outside are not counted.

    >>> plait.histogram(plait.tensor([1.0, 2.0, 1.0]), bins=4, range=(0.0, 3.0)).hist
    tensor([0., 2., 1., 0.])
    """
    _checked("histogram", input, weight, tuple(input.shape))
    if range is not None and len(range) != 2:
        raise ValueError(f"histogram: expected two numbers for range, got {len(range)}")
    x = input.detach().reshape(-1)
    edges = _edges("histogram", _ends(x, [bins], range), bins, range)
    amounts = None if weight is None else weight.detach().reshape(-1)
    hist = _ops["_histogram"](x.unsqueeze(-1), [edges], amounts)
    if density:
        hist = hist / hist.sum() / edges.diff()
    return Histogram(hist, edges)
