"""Discrete Fourier transforms with gradients, computed by NumPy on the CPU in float32 and float64.

A tensor on another device is copied to the CPU and the result back, which waits for the device.

The norms are 'backward' (1 / n on the inverse, the default), 'forward' (1 / n on the transform) and 'ortho'
(1 / sqrt(n) on both).

>>> plait.fft.rfft(plait.tensor([1.0, 0.0, 0.0, 0.0]))
tensor([1.+0.j, 1.+0.j, 1.+0.j])
"""

from __future__ import annotations

from . import _C
from ._autocast import one_op
from .autograd.function import Function

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

_ops = _C.ops
_COMPLEX = {_C.float32: _C.complex64, _C.float64: _C.complex128}
_REAL = {_C.complex64: _C.float32, _C.complex128: _C.float64}
# The adjoint of a transform is the other direction with the other norm.
_DUAL = {"backward": "forward", "forward": "backward", "ortho": "ortho"}


def _call(name: str, x: Tensor, wanted: _C.dtype, *args: Any, **kwargs: Any) -> Tensor:
    try:
        import numpy
    except ImportError as error:
        raise RuntimeError("fft: needs NumPy, which is not installed; pip install numpy") from error
    result = getattr(numpy.fft, name)(x.detach().cpu().numpy(), *args, **kwargs)
    # NumPy before 2.0 computes in double precision always.
    kinds = {
        _C.complex64: "complex64",
        _C.complex128: "complex128",
        _C.float32: "float32",
        _C.float64: "float64",
    }
    return _C.from_numpy(numpy.array(result, dtype=kinds[wanted], order="C")).to(x.device)


class _Complex(Function):
    """Complex to complex over several dimensions."""

    @staticmethod
    def forward(ctx, x, dims, inverse, norm):
        ctx.settings = dims, inverse, norm
        return _call("ifftn" if inverse else "fftn", x, x.dtype, axes=dims, norm=norm)

    @staticmethod
    def backward(ctx, grad):
        dims, inverse, norm = ctx.settings
        return _Complex.apply(grad, dims, not inverse, _DUAL[norm]), None, None, None


class _RealToHalf(Function):
    """Real to the first n // 2 + 1 coefficients over one dimension."""

    @staticmethod
    def forward(ctx, x, dim, norm):
        ctx.settings = x.shape[dim], dim, norm
        return _call("rfft", x, _COMPLEX[x.dtype], axis=dim, norm=norm)

    @staticmethod
    def backward(ctx, grad):
        n, dim, norm = ctx.settings
        whole = _resized(grad, dim, n)
        return _Complex.apply(whole, (dim,), True, _DUAL[norm]).real, None, None


class _HalfToReal(Function):
    """The n real values of the first n // 2 + 1 coefficients over one dimension."""

    @staticmethod
    def forward(ctx, x, dim, n, norm):
        ctx.settings = dim, n, norm
        return _call("irfft", x, _REAL[x.dtype], n, axis=dim, norm=norm)

    @staticmethod
    def backward(ctx, grad):
        dim, n, norm = ctx.settings
        half = _RealToHalf.apply(grad, dim, _DUAL[norm])
        # Every coefficient stands for itself and its conjugate, but the first and, of an even n, the last.
        weight = _ops["full"]((half.shape[dim],), 2.0, dtype=grad.dtype, device=grad.device)
        weight[0] = 1.0
        if n % 2 == 0:
            weight[-1] = 1.0
        return half * weight.reshape([-1 if i == dim else 1 for i in range(half.dim())]), None, None, None


def _resized(x: Tensor, dim: int, size: int) -> Tensor:
    """Cut off, or filled up with zeros, at the end of a dimension."""
    have = x.shape[dim]
    if size <= have:
        return x if size == have else x.narrow(dim, 0, size)
    rest = list(x.shape)
    rest[dim] = size - have
    return _ops["cat"]([x, x.new_zeros(tuple(rest))], dim)


def _checked(who: str, x: Tensor, norm: str | None, real: bool = False) -> tuple[Tensor, str]:
    if not isinstance(x, _C.Tensor):
        raise TypeError(f"fft.{who}: expected a Tensor, got {type(x).__name__}")
    if norm not in (None, *_DUAL):
        raise ValueError(f"fft.{who}: expected norm 'backward', 'forward' or 'ortho', got {norm!r}")
    if real and x.is_complex():
        raise TypeError(f"fft.{who}: expected a real tensor, got {x.dtype}; use fft.{who[1:]}")
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(_C.get_default_dtype())
    if x.dtype not in (*_COMPLEX, *_REAL):
        raise TypeError(f"fft.{who}: expected dtype float32, float64 or complex, got {x.dtype}; use .float()")
    if x.dim() == 0:
        raise ValueError(f"fft.{who}: expected at least one dimension, got a 0-d tensor")
    return x, norm or "backward"


def _dims(
    who: str, x: Tensor, s: Sequence[int] | None, dim: Sequence[int] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions, counted from 0, and their sizes."""
    rank = x.dim()
    if dim is None:
        dim = range(rank) if s is None else range(rank - len(s), rank)
    for d in dim:
        if not -rank <= d < rank:
            raise IndexError(f"fft.{who}: expected dim between {-rank} and {rank - 1}, got {d}")
    dims = tuple(d % rank for d in dim)
    if len(set(dims)) != len(dims):
        raise ValueError(f"fft.{who}: expected different dimensions, got {tuple(dim)}")
    if s is not None and len(s) != len(dims):
        raise ValueError(f"fft.{who}: expected one size for each of the dimensions {dims}, got {tuple(s)}")
    sizes = (
        [x.shape[d] for d in dims] if s is None else [x.shape[d] if n == -1 else n for d, n in zip(dims, s)]
    )
    for n in sizes:
        if n < 1:
            raise ValueError(f"fft.{who}: expected sizes of at least 1, got {n} of shape {tuple(x.shape)}")
    return dims, tuple(sizes)


@one_op(cpu="float32", cuda="float32")
def _complex(who: str, inverse: bool, x: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    x, norm = _checked(who, x, norm)
    dims, sizes = _dims(who, x, s, dim)
    for d, n in zip(dims, sizes):
        x = _resized(x, d, n)
    if not x.is_complex():
        x = _ops["complex"](x, _ops["zeros_like"](x))
    return _Complex.apply(x, dims, inverse, norm) if dims else x


@one_op(cpu="float32", cuda="float32")
def _forward_real(who: str, x: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    x, norm = _checked(who, x, norm, real=True)
    dims, sizes = _dims(who, x, s, dim)
    if not dims:
        raise ValueError(f"fft.{who}: expected at least one dimension, got dim ()")
    for d, n in zip(dims, sizes):
        x = _resized(x, d, n)
    half = _RealToHalf.apply(x, dims[-1], norm)
    return _Complex.apply(half, dims[:-1], False, norm) if len(dims) > 1 else half


@one_op(cpu="float32", cuda="float32")
def _inverse_real(who: str, x: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    x, norm = _checked(who, x, norm)
    rank = x.dim()
    if s is None:
        named = range(rank) if dim is None else dim
        s = [-1] * len(named)
    s = list(s)
    if not s:
        raise ValueError(f"fft.{who}: expected at least one dimension, got dim ()")
    last = s[-1]
    dims, sizes = _dims(who, x, [*s[:-1], -1], dim)
    n = 2 * (x.shape[dims[-1]] - 1) if last == -1 else last
    if n < 1:
        raise ValueError(f"fft.{who}: expected an output of at least 1, got {n} of shape {tuple(x.shape)}")
    for d, size in zip(dims, (*sizes[:-1], n // 2 + 1)):
        x = _resized(x, d, size)
    if not x.is_complex():
        x = _ops["complex"](x, _ops["zeros_like"](x))
    if len(dims) > 1:
        x = _Complex.apply(x, dims[:-1], True, norm)
    return _HalfToReal.apply(x, dims[-1], n, norm)


def _one(n: int | None) -> tuple[int] | None:
    if n is not None and n < 1:
        raise ValueError(f"fft: expected n >= 1, got {n}")
    return None if n is None else (n,)


def fft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The transform over one dimension, cut or filled up with zeros to n.

    >>> plait.fft.fft(plait.tensor([1.0, 1.0]))
    tensor([2.+0.j, 0.+0.j])
    """
    return _complex("fft", False, input, _one(n), (dim,), norm)


def ifft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of fft."""
    return _complex("ifft", True, input, _one(n), (dim,), norm)


def fftn(
    input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] | None = None, norm: str | None = None
) -> Tensor:
    """The transform over several dimensions (all where None), of sizes s."""
    return _complex("fftn", False, input, s, dim, norm)


def ifftn(
    input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] | None = None, norm: str | None = None
) -> Tensor:
    """The inverse of fftn."""
    return _complex("ifftn", True, input, s, dim, norm)


def fft2(
    input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] = (-2, -1), norm: str | None = None
) -> Tensor:
    """The transform over two dimensions."""
    return _complex("fft2", False, input, s, dim, norm)


def ifft2(
    input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] = (-2, -1), norm: str | None = None
) -> Tensor:
    """The inverse of fft2."""
    return _complex("ifft2", True, input, s, dim, norm)


def rfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The first n // 2 + 1 coefficients of the transform of a real tensor: the others are conjugates."""
    return _forward_real("rfft", input, _one(n), (dim,), norm)


def irfft(input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None) -> Tensor:
    """The inverse of rfft: n real values; 2 (size - 1) where None, so give n for an odd one.

    >>> plait.fft.irfft(plait.fft.rfft(plait.tensor([1.0, 2.0, 3.0])), n=3)
    tensor([1., 2., 3.])
    """
    return _inverse_real("irfft", input, _one(n), (dim,), norm)


def rfftn(
    input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] | None = None, norm: str | None = None
) -> Tensor:
    """The transform of a real tensor over several dimensions, with half of the last one's coefficients."""
    return _forward_real("rfftn", input, s, dim, norm)


def irfftn(
    input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] | None = None, norm: str | None = None
) -> Tensor:
    """The inverse of rfftn; s are the sizes of the result."""
    return _inverse_real("irfftn", input, s, dim, norm)


def rfft2(
    input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] = (-2, -1), norm: str | None = None
) -> Tensor:
    """The transform of a real tensor over two dimensions, with half of the last one's coefficients."""
    return _forward_real("rfft2", input, s, dim, norm)


def irfft2(
    input: Tensor, s: Sequence[int] | None = None, dim: Sequence[int] = (-2, -1), norm: str | None = None
) -> Tensor:
    """The inverse of rfft2; s are the sizes of the result."""
    return _inverse_real("irfft2", input, s, dim, norm)


def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of the coefficients of fft, for samples at distances d.

    >>> plait.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    first = _ops["arange"]((n + 1) // 2, device=device)
    last = _ops["arange"](-(n // 2), 0, device=device)
    whole = _ops["cat"]([first, last])
    return whole.to(dtype or _C.get_default_dtype()) / (n * d)


def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None) -> Tensor:
    """The frequencies of the coefficients of rfft.

    >>> plait.fft.rfftfreq(4)
    tensor([0.0000, 0.2500, 0.5000])
    """
    return _ops["arange"](n // 2 + 1, device=device).to(dtype or _C.get_default_dtype()) / (n * d)


def _rolled(input: Tensor, dim: int | Sequence[int] | None, back: bool) -> Tensor:
    dims = range(input.dim()) if dim is None else (dim,) if isinstance(dim, int) else dim
    for d in dims:
        half = input.shape[d] // 2
        input = _ops["roll"](input, -half if back else half, d)
    return input


def fftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Moves the zero frequency to the middle.

    >>> plait.fft.fftshift(plait.arange(4))
    tensor([2, 3, 0, 1])
    """
    return _rolled(input, dim, back=False)


def ifftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of fftshift."""
    return _rolled(input, dim, back=True)
