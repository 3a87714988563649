"""Reductions and normalisations of the elements that a mask names: plait.masked.mean(x, 0, mask=x > 0).

`mask` is a bool tensor that broadcasts to the shape of the input, True where an element counts; None: all
count. Where none counts, a result is what the function has for no elements: 0 for sums, 1 for products, -inf
for maxima of floats (the lowest number for those of integers), NaN for means.

>>> x = plait.tensor([[1.0, 2.0], [3.0, 4.0]])
>>> plait.masked.sum(x, 1, mask=x > 1)
tensor([2., 7.])
"""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from plait import Tensor

    from ._C import dtype as DType

    Dims = int | tuple[int, ...] | list[int] | None

__all__ = [
    "amax",
    "amin",
    "argmax",
    "argmin",
    "cumprod",
    "cumsum",
    "log_softmax",
    "logaddexp",
    "logsumexp",
    "mean",
    "median",
    "norm",
    "normalize",
    "prod",
    "softmax",
    "softmin",
    "std",
    "sum",
    "var",
]


def _check(who: str, input: Tensor, mask: Tensor | None) -> None:
    if not isinstance(input, plait.Tensor):
        raise TypeError(f"masked.{who}: expected input as a Tensor, got {type(input).__name__}")
    if mask is None:
        return
    if not isinstance(mask, plait.Tensor) or mask.dtype is not plait.bool:
        given = f"a Tensor of {mask.dtype}" if isinstance(mask, plait.Tensor) else type(mask).__name__
        raise TypeError(f"masked.{who}: expected mask as a bool Tensor, got {given}; try mask != 0")
    try:
        fits = tuple(plait.broadcast_shapes(mask.shape, input.shape)) == tuple(input.shape)
    except RuntimeError:
        fits = False
    if not fits:
        raise ValueError(
            f"masked.{who}: the mask of shape {tuple(mask.shape)} does not broadcast to the input's "
            f"{tuple(input.shape)}; try mask.unsqueeze(dim)"
        )


def _filled(who: str, input: Tensor, mask: Tensor | None, value: float) -> Tensor:
    """The input, with `value` where the mask is False."""
    _check(who, input, mask)
    return input if mask is None else plait.where(mask, input, value)


def _dims(input: Tensor, dim: Dims) -> list[int]:
    if dim is None:
        return list(range(input.dim()))
    dims = [dim] if isinstance(dim, int) else list(dim)
    rank = max(input.dim(), 1)
    for d in dims:
        if not -rank <= d < rank:
            raise IndexError(f"masked: expected dim between {-rank} and {rank - 1}, got {d}")
    return dims if input.dim() else []


def _lowest(dtype: Any) -> Any:
    if dtype.is_floating_point:
        return float("-inf")
    return False if dtype is plait.bool else plait.iinfo(dtype).min


def _highest(dtype: Any) -> Any:
    if dtype.is_floating_point:
        return float("inf")
    return True if dtype is plait.bool else plait.iinfo(dtype).max


def _count(input: Tensor, dim: list[int], mask: Tensor | None, dtype: Any) -> Tensor:
    """How many elements count, with dimensions of size 1 where `dim` was."""
    if mask is None:
        ones = plait.ones((), dtype=dtype, device=input.device).expand(input.shape)
    else:
        ones = mask.expand(input.shape).to(dtype)
    return ones.sum(dim, keepdim=True) if dim else ones.clone()


def _as_asked(result: Tensor, dim: list[int], keepdim: bool) -> Tensor:
    rank = result.dim()
    return result if keepdim or not dim else result.squeeze(tuple(d % rank for d in dim))


def sum(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Sums of the elements where the mask holds.

    >>> plait.masked.sum(plait.tensor([1, 2, 3]), mask=plait.tensor([True, False, True]))
    tensor(4)
    """
    return _filled("sum", input, mask, 0).sum(_dims(input, dim), keepdim=bool(keepdim), dtype=dtype)


def prod(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Products of the elements where the mask holds.

    >>> plait.masked.prod(plait.tensor([2, 5, 3]), mask=plait.tensor([True, False, True]))
    tensor(6)
    """
    result = _filled("prod", input, mask, 1)
    dims = _dims(input, dim)
    if not dims:
        return result.prod(dtype=dtype)
    for d in dims:
        result = result.prod(d, keepdim=True, dtype=dtype)
    return _as_asked(result, dims, bool(keepdim))


def cumsum(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """Running sums along `dim` of the elements where the mask holds.

    >>> plait.masked.cumsum(plait.tensor([1, 2, 3]), 0, mask=plait.tensor([True, False, True]))
    tensor([1, 1, 4])
    """
    return _filled("cumsum", input, mask, 0).cumsum(dim, dtype=dtype)


def cumprod(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """Running products along `dim` of the elements where the mask holds.

    >>> plait.masked.cumprod(plait.tensor([2, 5, 3]), 0, mask=plait.tensor([True, False, True]))
    tensor([2, 2, 6])
    """
    return _filled("cumprod", input, mask, 1).cumprod(dim, dtype=dtype)


def amax(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The largest of the elements where the mask holds.

    >>> plait.masked.amax(plait.tensor([1, 9, 3]), mask=plait.tensor([True, False, True]))
    tensor(3)
    """
    _check("amax", input, mask)
    input = input if dtype is None else input.to(dtype)
    return _filled("amax", input, mask, _lowest(input.dtype)).amax(_dims(input, dim), keepdim=bool(keepdim))


def amin(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The smallest of the elements where the mask holds.

    >>> plait.masked.amin(plait.tensor([1, 9, 3]), mask=plait.tensor([False, True, True]))
    tensor(3)
    """
    _check("amin", input, mask)
    input = input if dtype is None else input.to(dtype)
    return _filled("amin", input, mask, _highest(input.dtype)).amin(_dims(input, dim), keepdim=bool(keepdim))


def argmax(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the largest of the elements stands for which the mask holds.

    >>> plait.masked.argmax(plait.tensor([1, 9, 3]), mask=plait.tensor([True, False, True]))
    tensor(2)
    """
    _check("argmax", input, mask)
    input = input if dtype is None else input.to(dtype)
    return _filled("argmax", input, mask, _lowest(input.dtype)).argmax(dim, keepdim=bool(keepdim))


def argmin(
    input: Tensor,
    dim: int | None = None,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Where the smallest of the elements stands for which the mask holds.

    >>> plait.masked.argmin(plait.tensor([1, 9, 3]), mask=plait.tensor([False, True, True]))
    tensor(2)
    """
    _check("argmin", input, mask)
    input = input if dtype is None else input.to(dtype)
    return _filled("argmin", input, mask, _highest(input.dtype)).argmin(dim, keepdim=bool(keepdim))


def _floating(input: Tensor, dtype: Any) -> Tensor:
    if dtype is None:
        keeps = input.dtype.is_floating_point or input.dtype.is_complex
        dtype = input.dtype if keeps else plait.get_default_dtype()
    return input.to(dtype)


def mean(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Means of the elements where the mask holds; integers give the default float.

    >>> plait.masked.mean(plait.tensor([1.0, 7.0, 3.0]), mask=plait.tensor([True, False, True]))
    tensor(2.)
    """
    _check("mean", input, mask)
    x, dims = _floating(input, dtype), _dims(input, dim)
    result = _filled("mean", x, mask, 0).sum(dims, keepdim=True) / _count(x, dims, mask, x.dtype)
    return _as_asked(result, dims, bool(keepdim))


def var(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Variances of the elements where the mask holds: divided by their number less `correction`, which is 1
    unless it is given, or `unbiased` is False: 0.

    >>> plait.masked.var(plait.tensor([1.0, 7.0, 3.0]), mask=plait.tensor([True, False, True]))
    tensor(2.)
    """
    _check("var", input, mask)
    if unbiased is not None and correction is not None:
        raise ValueError("masked.var: unbiased and correction say the same: expected one of them, got both")
    if correction is None:
        correction = 0 if unbiased is False else 1
    x, dims = _floating(input, dtype), _dims(input, dim)
    real = x.real.dtype if x.is_complex() else x.dtype
    count = _count(x, dims, mask, real)
    middle = _filled("var", x, mask, 0).sum(dims, keepdim=True) / count
    away = _filled("var", x - middle, mask, 0)
    squares = away.real.square() + away.imag.square() if x.is_complex() else away.square()
    result = squares.sum(dims, keepdim=True) / (count - correction).clamp(min=0)
    return _as_asked(result, dims, bool(keepdim))


def std(
    input: Tensor,
    dim: Dims = None,
    unbiased: bool | None = None,
    *,
    correction: float | None = None,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Standard deviations of the elements where the mask holds: roots of `var`.

    >>> plait.masked.std(plait.tensor([1.0, 9.0]), unbiased=False, mask=plait.tensor([True, True]))
    tensor(4.)
    """
    return var(
        input, dim, unbiased, correction=correction, keepdim=keepdim, dtype=dtype, mask=mask
    ).sqrt()


def median(
    input: Tensor,
    dim: int = -1,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The middle of the elements along `dim` where the mask holds, the lower one of two; NaN where none
    does. Floats, and integers without a mask.

    >>> plait.masked.median(plait.tensor([1.0, 9.0, 5.0]), 0, mask=plait.tensor([True, False, True]))
    tensor(1.)
    """
    _check("median", input, mask)
    input = input if dtype is None else input.to(dtype)
    if mask is None:
        return input.median(dim, bool(keepdim))[0]
    if not input.dtype.is_floating_point:
        raise TypeError(f"masked.median: a mask goes with floats, got {input.dtype}; use input.double()")
    return _filled("median", input, mask, float("nan")).nanmedian(dim, bool(keepdim))[0]


def norm(
    input: Tensor,
    ord: float | None = 2.0,
    dim: Dims = None,
    *,
    keepdim: bool | None = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Vector norms of the elements where the mask holds.

    >>> plait.masked.norm(plait.tensor([3.0, 7.0, 4.0]), 2, 0, mask=plait.tensor([True, False, True]))
    tensor(5.)
    """
    order = 2.0 if ord is None else float(ord)
    x = _filled("norm", input, mask, float("inf") if order < 0 else 0)
    return plait.linalg.vector_norm(x, order, _dims(input, dim), keepdim=bool(keepdim), dtype=dtype)


def logsumexp(
    input: Tensor,
    dim: Dims = None,
    *,
    keepdim: bool = False,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """Logarithms of the sums of exponentials of the elements where the mask holds.

    >>> plait.masked.logsumexp(plait.tensor([0.0, 7.0]), 0, mask=plait.tensor([True, False]))
    tensor(0.)
    """
    _check("logsumexp", input, mask)
    x = _filled("logsumexp", _floating(input, dtype), mask, float("-inf"))
    return x.logsumexp(_dims(input, dim), keepdim=keepdim)


def softmax(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """Softmax along `dim` of the elements where the mask holds; 0 elsewhere, NaN where none holds.

    >>> plait.masked.softmax(plait.tensor([0.0, 7.0, 0.0]), 0, mask=plait.tensor([True, False, True]))
    tensor([0.5000, 0.0000, 0.5000])
    """
    return _filled("softmax", input, mask, float("-inf")).softmax(dim, dtype=dtype)


def log_softmax(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """Logarithms of `softmax`; -inf where the mask does not hold.

    >>> plait.masked.log_softmax(plait.tensor([0.0, 7.0]), 0, mask=plait.tensor([True, False]))
    tensor([0., -inf])
    """
    return _filled("log_softmax", input, mask, float("-inf")).log_softmax(dim, dtype=dtype)


def softmin(input: Tensor, dim: int, *, dtype: DType | None = None, mask: Tensor | None = None) -> Tensor:
    """`softmax` of -input.

    >>> plait.masked.softmin(plait.tensor([0.0, 7.0, 0.0]), 0, mask=plait.tensor([True, False, True]))
    tensor([0.5000, 0.0000, 0.5000])
    """
    _check("softmin", input, mask)
    return softmax(-input, dim, dtype=dtype, mask=mask)


def normalize(
    input: Tensor,
    ord: float,
    dim: int,
    *,
    eps: float = 1e-12,
    dtype: DType | None = None,
    mask: Tensor | None = None,
) -> Tensor:
    """The elements where the mask holds over their norm along `dim`, which counts as at least `eps`; 0
    elsewhere.

    >>> plait.masked.normalize(plait.tensor([3.0, 7.0, 4.0]), 2, 0, mask=plait.tensor([True, False, True]))
    tensor([0.6000, 0.0000, 0.8000])
    """
    size = norm(input, ord, dim, keepdim=True, dtype=dtype, mask=mask).clamp(min=eps)
    x = input if dtype is None else input.to(dtype)
    return _filled("normalize", x, mask, 0) / size


def logaddexp(
    input: Tensor,
    other: Tensor,
    *,
    dtype: DType | None = None,
    input_mask: Tensor | None = None,
    other_mask: Tensor | None = None,
) -> Tensor:
    """log(exp(input) + exp(other)), an element counting as exp 0 where its mask does not hold.

    >>> plait.masked.logaddexp(plait.tensor([1.0]), plait.tensor([5.0]), other_mask=plait.tensor([False]))
    tensor([1.])
    """
    a, b = (x if dtype is None else x.to(dtype) for x in (input, other))
    none = float("-inf")
    return plait.logaddexp(
        _filled("logaddexp", a, input_mask, none), _filled("logaddexp", b, other_mask, none)
    )
