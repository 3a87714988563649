"""Discrete Fourier transforms with gradients, in float32 and float64.

A CUDA tensor is transformed on its device by cuFFT, where a CUDA toolkit or the package nvidia-cufft brings
that library; without it the tensor is copied to the CPU and the result back, which waits for the device.

The norms are 'backward' (1 / n on the inverse, the default), 'forward' (1 / n on the transform) and 'ortho'
(1 / sqrt(n) on both).

>>> plait.fft.rfft(plait.tensor([1.0, 0.0, 0.0, 0.0]))
tensor([1.+0.j, 1.+0.j, 1.+0.j])
"""

from __future__ import annotations

from . import _C
from ._out import with_out
from .overrides import overridable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

    _Dims = int | Sequence[int] | None

__all__ = [
    "fft",
    "fft2",
    "fftfreq",
    "fftn",
    "fftshift",
    "hfft",
    "hfft2",
    "hfftn",
    "ifft",
    "ifft2",
    "ifftn",
    "ifftshift",
    "ihfft",
    "ihfft2",
    "ihfftn",
    "irfft",
    "irfft2",
    "irfftn",
    "rfft",
    "rfft2",
    "rfftfreq",
    "rfftn",
]

_ops = _C.ops
_fft = _ops["_fft"]


def _one(n: int | None) -> int | None:
    if n is not None and n < 1:
        raise ValueError(f"fft: expected n >= 1, got {n}")
    return n


@overridable
def fft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The transform over one dimension, cut or filled up with zeros to n.

    >>> plait.fft.fft(plait.tensor([1.0, 1.0]))
    tensor([2.+0.j, 0.+0.j])
    """
    return _fft("fft", input, _one(n), dim, norm, out=out)


@overridable
def ifft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The inverse of fft."""
    return _fft("ifft", input, _one(n), dim, norm, out=out)


@overridable
def fftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform over several dimensions (all where None), of sizes s."""
    return _fft("fftn", input, s, dim, norm, out=out)


@overridable
def ifftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of fftn."""
    return _fft("ifftn", input, s, dim, norm, out=out)


@overridable
def fft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform over two dimensions."""
    return _fft("fft2", input, s, dim, norm, out=out)


@overridable
def ifft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of fft2."""
    return _fft("ifft2", input, s, dim, norm, out=out)


@overridable
def rfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The first n // 2 + 1 coefficients of the transform of a real tensor: the others are conjugates."""
    return _fft("rfft", input, _one(n), dim, norm, out=out)


@overridable
def irfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The inverse of rfft: n real values; 2 (size - 1) where None, so give n for an odd one.

    >>> plait.fft.irfft(plait.fft.rfft(plait.tensor([1.0, 2.0, 3.0])), n=3)
    tensor([1., 2., 3.])
    """
    return _fft("irfft", input, _one(n), dim, norm, out=out)


@overridable
def rfftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform of a real tensor over several dimensions, with half of the last one's coefficients."""
    return _fft("rfftn", input, s, dim, norm, out=out)


@overridable
def irfftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of rfftn; s are the sizes of the result."""
    return _fft("irfftn", input, s, dim, norm, out=out)


@overridable
def rfft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform of a real tensor over two dimensions, with half of the last one's coefficients."""
    return _fft("rfft2", input, s, dim, norm, out=out)


@overridable
def irfft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of rfft2; s are the sizes of the result."""
    return _fft("irfft2", input, s, dim, norm, out=out)


@overridable
def hfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The transform of a Hermitian signal, of which the first n // 2 + 1 values are given: n real values,
    2 (size - 1) where None.

    >>> plait.fft.hfft(plait.tensor([1.0, 0.5, 0.0]))
    tensor([2., 1., 0., 1.])
    """
    return _fft("hfft", input, _one(n), dim, norm, out=out)


@overridable
def ihfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The inverse of hfft: the first n // 2 + 1 values of the Hermitian signal that has a real spectrum.

    >>> plait.fft.ihfft(plait.tensor([2.0, 1.0, 0.0, 1.0]))
    tensor([1.0000-0.j, 0.5000-0.j, 0.0000-0.j])
    """
    return _fft("ihfft", input, _one(n), dim, norm, out=out)


@overridable
def hfftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform of a Hermitian signal over several dimensions, of which half of the last one is given;
    s are the sizes of the result."""
    return _fft("hfftn", input, s, dim, norm, out=out)


@overridable
def ihfftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of hfftn, with half of the last dimension's values."""
    return _fft("ihfftn", input, s, dim, norm, out=out)


@overridable
def hfft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform of a Hermitian signal over two dimensions, of which half of the last one is given."""
    return _fft("hfft2", input, s, dim, norm, out=out)


@overridable
def ihfft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of hfft2, with half of the last dimension's values."""
    return _fft("ihfft2", input, s, dim, norm, out=out)


@with_out
def fftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, out: Any = None) -> Tensor:
    """The frequencies of the coefficients of fft, for samples at distances d.

    >>> plait.fft.fftfreq(4)
    tensor([ 0.0000,  0.2500, -0.5000, -0.2500])
    """
    first = _ops["arange"]((n + 1) // 2, device=device)
    last = _ops["arange"](-(n // 2), 0, device=device)
    whole = _ops["cat"]([first, last])
    return whole.to(dtype or _C.get_default_dtype()) / (n * d)


@with_out
def rfftfreq(n: int, d: float = 1.0, *, dtype: Any = None, device: Any = None, out: Any = None) -> Tensor:
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


@overridable
def fftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Moves the zero frequency to the middle.

    >>> plait.fft.fftshift(plait.arange(4))
    tensor([2, 3, 0, 1])
    """
    return _rolled(input, dim, back=False)


@overridable
def ifftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of fftshift."""
    return _rolled(input, dim, back=True)
