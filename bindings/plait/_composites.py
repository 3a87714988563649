"""Functions of the top level that are compositions of ops."""

from __future__ import annotations

import math

from . import _C
from ._autocast import one_op
from ._out import with_out
from .overrides import overridable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    from ._C import Tensor

    class Mode(NamedTuple):
        """The most frequent values and where they are."""

        values: Tensor
        indices: Tensor

else:
    from collections import namedtuple

    Mode = namedtuple("Mode", ("values", "indices"))

_ops = _C.ops


def _dim(who: str, dim: int, rank: int) -> int:
    rank = max(rank, 1)
    if not -rank <= dim < rank:
        raise IndexError(f"{who}: expected dim between {-rank} and {rank - 1}, got {dim}")
    return dim % rank


@with_out
def diff(
    input: Tensor,
    n: int = 1,
    dim: int = -1,
    prepend: Tensor | None = None,
    append: Tensor | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The n-th differences of neighbours along a dimension (of bools: where they differ), after joining
    `prepend` and `append` to the ends.

    >>> plait.diff(plait.tensor([1, 3, 2]))
    tensor([ 2, -1])
    """
    if input.dim() == 0:
        raise ValueError("diff: expected at least one dimension, got a 0-d tensor; use input.reshape(1)")
    if n < 0:
        raise ValueError(f"diff: expected n >= 0, got {n}")
    dim = _dim("diff", dim, input.dim())
    if n == 0:
        return input
    parts = [t for t in (prepend, input, append) if t is not None]
    x = _ops["cat"](parts, dim) if len(parts) > 1 else input
    for _ in range(min(n, x.shape[dim])):
        size = x.shape[dim]
        after, before = x.narrow(dim, 1, size - 1), x.narrow(dim, 0, size - 1)
        x = after != before if x.dtype is _C.bool else after - before
    return x


@with_out
def isin(
    elements: Any, test_elements: Any, *, assume_unique: bool = False, invert: bool = False, out: Any = None
) -> Tensor:
    """Is each element among `test_elements`? Either may be a number. NaN is never.

    >>> plait.isin(plait.tensor([1, 2, 3]), plait.tensor([2, 5]))
    tensor([False,  True, False])
    """
    both = [t for t in (elements, test_elements) if isinstance(t, _C.Tensor)]
    if not both:
        raise TypeError("isin: expected elements or test_elements to be a Tensor, got two others")
    dtype = _C.result_type(elements, test_elements)
    work = _C.uint8 if dtype is _C.bool else dtype
    x, among = (
        (t if isinstance(t, _C.Tensor) else _ops["full"]((), t, dtype=dtype, device=both[0].device)).to(work)
        for t in (elements, test_elements)
    )
    among = among.detach().reshape(-1).sort()[0]
    if among.numel() == 0:
        found = _ops["zeros"](tuple(x.shape), dtype=_C.bool, device=x.device)
    else:
        x = x.detach().contiguous()
        near = _ops["searchsorted"](among, x).clamp_max(among.numel() - 1)
        found = among[near] == x
    return ~found if invert else found



@with_out
@one_op(cpu="float32", cuda="float32")
def polar(abs: Tensor, angle: Tensor, *, out: Any = None) -> Tensor:
    """abs cos(angle) + i abs sin(angle), for float32 or float64.

    >>> plait.polar(plait.tensor([2.0]), plait.tensor([0.0]))
    tensor([2.+0.j])
    """
    for name, t in (("abs", abs), ("angle", angle)):
        if not isinstance(t, _C.Tensor):
            raise TypeError(f"polar: expected {name} to be a Tensor, got {type(t).__name__}")
    for name, t in (("abs", abs), ("angle", angle)):
        if t.dtype not in (_C.float32, _C.float64) or t.dtype is not abs.dtype:
            raise RuntimeError(
                f"polar: expected abs and angle both of float32 or both of float64, got {name} of {t.dtype}"
            )
    real, imaginary = abs * angle.cos(), abs * angle.sin()
    return _ops["complex"](real, imaginary)


@overridable
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The integral along a dimension by the trapezoid rule: samples `y` at `x`, or at steps of `dx` (1).

    >>> plait.trapezoid(plait.tensor([1.0, 2.0, 3.0]))
    tensor(4.)
    """
    if x is not None and dx is not None:
        raise ValueError("trapezoid: expected x or dx, got both")
    dim = _dim("trapezoid", dim, y.dim())
    if y.shape[dim] == 0:
        return y.sum(dim)
    if x is None:
        whole = y.sum(dim) - (y.select(dim, 0) + y.select(dim, -1)) / 2
        return whole if dx is None else whole * dx
    y = y.movedim(dim, -1)
    middle = (y[..., 1:] + y[..., :-1]) / 2
    width = (
        diff(x)
        if x.dim() == 1
        else diff(x, dim=dim if x.dim() == y.dim() else -1).movedim(dim if x.dim() == y.dim() else -1, -1)
    )
    return (middle * width).sum(-1)


@overridable
def trapz(y: Tensor, x: Tensor | None = None, *, dx: Any = None, dim: int = -1) -> Tensor:
    """The former name of trapezoid."""
    return trapezoid(y, x, dx=dx, dim=dim)


@with_out
def mode(input: Tensor, dim: int = -1, keepdim: bool = False, *, out: Any = None) -> Mode:
    """The most frequent value along a dimension, the smallest of several, and the last index of it.

    >>> plait.mode(plait.tensor([3, 1, 3, 1, 2])).values
    tensor(1)
    """
    if input.dim() == 0:
        return Mode(input.clone(), _ops["zeros"]((), dtype=_C.int64, device=input.device))
    dim = _dim("mode", dim, input.dim())
    index = _ops["_mode_index"](input.detach(), dim)
    values = input.gather(dim, index)
    return Mode(values, index) if keepdim else Mode(values.squeeze(dim), index.squeeze(dim))


def _window(who: str, length: int, periodic: bool, formula: Any, options: dict) -> Tensor:
    """formula(phase) with phases from 0 to 1, computed in float64."""
    dtype = options.pop("dtype", None) or _C.get_default_dtype()
    requires_grad = options.pop("requires_grad", False)
    device = options.pop("device", None)
    for name in ("layout", "pin_memory"):
        options.pop(name, None)
    if options:
        raise TypeError(f"{who}: got an unexpected keyword argument '{next(iter(options))}'")
    if length < 0:
        raise ValueError(f"{who}: expected window_length >= 0, got {length}")
    if not dtype.is_floating_point:
        raise RuntimeError(f"{who}: expected a floating-point dtype, got {dtype}")
    if length <= 1:
        window = _ops["ones"]((length,), dtype=dtype, device=device)
    else:
        phase = _ops["arange"](length, dtype=_C.float64, device=device) / (length - (not periodic))
        window = formula(phase).to(dtype)
    return window.requires_grad_() if requires_grad else window


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, **options: Any
) -> Tensor:
    """alpha - beta cos(2 pi n / N), with N = window_length (periodic) or window_length - 1.

    >>> plait.hamming_window(4)
    tensor([0.0800, 0.5400, 1.0000, 0.5400])
    """

    def formula(phase: Tensor) -> Tensor:
        return alpha - beta * (2 * math.pi * phase).cos()

    return _window("hamming_window", window_length, periodic, formula, options)


def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """sin(pi n / N)^2, with N = window_length (periodic) or window_length - 1.

    >>> plait.hann_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("hann_window", window_length, periodic, lambda p: (math.pi * p).sin() ** 2, options)


def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """0.42 - 0.5 cos(2 pi n / N) + 0.08 cos(4 pi n / N), with N as of hann_window."""

    def formula(phase: Tensor) -> Tensor:
        return 0.42 - 0.5 * (2 * math.pi * phase).cos() + 0.08 * (4 * math.pi * phase).cos()

    return _window("blackman_window", window_length, periodic, formula, options)


def bartlett_window(window_length: int, periodic: bool = True, **options: Any) -> Tensor:
    """The triangle 1 - |2 n / N - 1|, with N as of hann_window."""
    return _window("bartlett_window", window_length, periodic, lambda p: 1 - (2 * p - 1).abs(), options)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any) -> Tensor:
    """I0(beta sqrt(1 - (2 n / N - 1)^2)) / I0(beta), with N as of hann_window.

    >>> plait.kaiser_window(3, periodic=False)
    tensor([5.2773e-05, 1.0000e+00, 5.2773e-05])
    """

    def bessel(x: Tensor) -> Tensor:
        # I0 by its power series, whose terms are all positive, times exp(-beta) against overflow.
        term = _ops["full_like"](x, math.exp(-beta))
        total, quarter, k = term, x * x / 4, 1
        while bool((term > total * 1e-17).any()):
            term = term * (quarter / (k * k))
            total, k = total + term, k + 1
        return total

    def formula(phase: Tensor) -> Tensor:
        inner = (1 - (2 * phase - 1) ** 2).clamp_min(0).sqrt()
        return bessel(beta * inner) / bessel(_ops["full"]((), beta, dtype=_C.float64, device=phase.device))

    return _window("kaiser_window", window_length, periodic, formula, options)


def adjoint(input: Tensor) -> Tensor:
    """The last two dimensions exchanged, and conjugated."""
    if input.dim() < 2:
        raise RuntimeError(f"adjoint: expected at least 2 dimensions, got shape {tuple(input.shape)}")
    turned = input.transpose(-2, -1)
    return turned.conj() if input.is_complex() else turned
