"""Discrete Fourier transforms with gradients, in float32 and float64.

On the CPU they are computed by NumPy. A CUDA tensor is transformed on its device by cuFFT, where a CUDA
toolkit or the package nvidia-cufft brings that library; without it the tensor is copied to the CPU and the
result back, which waits for the device.

The norms are 'backward' (1 / n on the inverse, the default), 'forward' (1 / n on the transform) and 'ortho'
(1 / sqrt(n) on both).

>>> plait.fft.rfft(plait.tensor([1.0, 0.0, 0.0, 0.0]))
tensor([1.+0.j, 1.+0.j, 1.+0.j])
"""

from __future__ import annotations

import math

from . import _C
from ._autocast import one_op
from ._out import with_out

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
_COMPLEX = {_C.float32: _C.complex64, _C.float64: _C.complex128}
_REAL = {_C.complex64: _C.float32, _C.complex128: _C.float64}
_NORMS = ("backward", "forward", "ortho")
# Of the real transforms, the one for complex tensors that does the same.
_FOR_COMPLEX = {
    "rfft": "fft",
    "rfft2": "fft2",
    "rfftn": "fftn",
    "ihfft": "ifft",
    "ihfft2": "ifft2",
    "ihfftn": "ifftn",
}


def _factor(norm: str, forward: bool, count: int) -> float:
    """What a norm multiplies the sums of `count` terms by."""
    if norm == "ortho":
        return 1 / math.sqrt(count)
    return 1 / count if (norm == "forward") == forward else 1.0


def _by_numpy(out: Tensor, x: Tensor, dims: tuple[int, ...], forward: bool, scale: float) -> None:
    """The kernel of CPU tensors (ops/cpu/fft.h)."""
    try:
        import numpy
    except ImportError as error:
        raise RuntimeError("fft: needs NumPy, which is not installed; pip install numpy") from error
    source, target = x.detach().numpy(), out.numpy()
    sizes = (target if x.is_complex() else source).shape
    count = math.prod(sizes[d] for d in dims)
    # NumPy's transforms multiply as they go, by what its norms say.
    known = [norm for norm in _NORMS if _factor(norm, forward, count) == scale]
    norm = known[0] if known else "backward" if forward else "forward"
    # NumPy before 2.0 writes to no given array, and computes in double precision always.
    can_write = int(numpy.__version__.split(".")[0]) >= 2

    def apply(name: str, array: Any, into: Any, *args: Any, axis: int) -> Any:
        options = {"out": into} if can_write else {}
        return getattr(numpy.fft, name)(array, *args, axis=axis, norm=norm, **options)

    *others, last = dims
    if not x.is_complex():
        result = apply("rfft", source, target, axis=last)
        for d in others:
            result = apply("fft", result, target, axis=d)
    elif out.is_complex():
        result = source
        for d in dims:
            result = apply("fft" if forward else "ifft", result, target, axis=d)
    else:
        scratch = numpy.empty(source.shape, source.dtype) if others else None
        for d in others:
            source = apply("ifft", source, scratch, axis=d)
        result = apply("irfft", source, target, sizes[last], axis=last)
    if result is not target:
        numpy.copyto(target, result, casting="same_kind")
    if not known:
        target *= scale


def _resized(x: Tensor, dims: Sequence[int], sizes: Sequence[int]) -> Tensor:
    """Cut off, or filled up with zeros, at the ends of dimensions."""
    widths = [0] * (2 * x.dim())
    for d, n in zip(dims, sizes):
        if n < x.shape[d]:
            x = x.narrow(d, 0, n)
        else:
            widths[2 * (x.dim() - 1 - d) + 1] = n - x.shape[d]
    return _ops["constant_pad_nd"](x, widths) if any(widths) else x


def _checked(who: str, x: Tensor, norm: str | None, real: bool = False) -> tuple[Tensor, str]:
    if not isinstance(x, _C.Tensor):
        raise TypeError(f"fft.{who}: expected a Tensor, got {type(x).__name__}")
    if norm not in (None, *_NORMS):
        raise ValueError(f"fft.{who}: expected norm 'backward', 'forward' or 'ortho', got {norm!r}")
    if real and x.is_complex():
        raise TypeError(f"fft.{who}: expected a real tensor, got {x.dtype}; use fft.{_FOR_COMPLEX[who]}")
    if not (x.is_floating_point() or x.is_complex()):
        x = x.to(_C.get_default_dtype())
    if x.dtype not in (*_COMPLEX, *_REAL):
        raise TypeError(f"fft.{who}: expected dtype float32, float64 or complex, got {x.dtype}; use .float()")
    if x.dim() == 0:
        raise IndexError(f"fft.{who}: expected at least one dimension, got a 0-d tensor")
    return x, norm or "backward"


def _list(given: int | Sequence[int] | None) -> Sequence[int] | None:
    return (given,) if isinstance(given, int) else given


def _dims(
    who: str, x: Tensor, s: Sequence[int] | None, dim: Sequence[int] | None
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The dimensions, counted from 0, and their sizes."""
    rank = x.dim()
    if dim is None:
        if s is not None and len(s) > rank:
            raise ValueError(
                f"fft.{who}: expected at most {rank} sizes for shape {tuple(x.shape)}, got {tuple(s)}"
            )
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
def _complex(who: str, forward: bool, x: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    x, norm = _checked(who, x, norm)
    dims, sizes = _dims(who, x, _list(s), _list(dim))
    x = _resized(x, dims, sizes)
    if not x.is_complex():
        x = x.to(_COMPLEX[x.dtype])
    return _ops["_fft_c2c"](x, dims, forward, _factor(norm, forward, math.prod(sizes))) if dims else x


@one_op(cpu="float32", cuda="float32")
def _from_real(who: str, forward: bool, x: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    x, norm = _checked(who, x, norm, real=True)
    dims, sizes = _dims(who, x, _list(s), _list(dim))
    if not dims:
        raise ValueError(f"fft.{who}: expected at least one dimension, got dim ()")
    x = _resized(x, dims, sizes)
    half = _ops["_fft_r2c"](x, dims, _factor(norm, forward, math.prod(sizes)))
    return half if forward else half.conj()


@one_op(cpu="float32", cuda="float32")
def _to_real(who: str, forward: bool, x: Tensor, s: Any, dim: Any, norm: str | None) -> Tensor:
    x, norm = _checked(who, x, norm)
    s, dim = _list(s), _list(dim)
    if s is None:
        s = [-1] * (x.dim() if dim is None else len(dim))
    if not len(s):
        raise ValueError(f"fft.{who}: expected at least one dimension, got dim ()")
    *others, n = s
    dims, sizes = _dims(who, x, [*others, -1], dim)
    if n == -1:
        n = 2 * (x.shape[dims[-1]] - 1)
    if n < 1:
        raise ValueError(f"fft.{who}: expected an output of at least 1, got {n} of shape {tuple(x.shape)}")
    sizes = (*sizes[:-1], n // 2 + 1)
    x = _resized(x, dims, sizes)
    if not x.is_complex():
        x = x.to(_COMPLEX[x.dtype])
    elif forward:
        x = x.conj()  # whose inverse transform is the conjugate of the transform, and that is real
    return _ops["_fft_c2r"](x, dims, n, _factor(norm, forward, math.prod(sizes[:-1]) * n))


def _one(n: int | None) -> tuple[int] | None:
    if n is not None and n < 1:
        raise ValueError(f"fft: expected n >= 1, got {n}")
    return None if n is None else (n,)


@with_out
def fft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The transform over one dimension, cut or filled up with zeros to n.

    >>> plait.fft.fft(plait.tensor([1.0, 1.0]))
    tensor([2.+0.j, 0.+0.j])
    """
    return _complex("fft", True, input, _one(n), (dim,), norm)


@with_out
def ifft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The inverse of fft."""
    return _complex("ifft", False, input, _one(n), (dim,), norm)


@with_out
def fftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform over several dimensions (all where None), of sizes s."""
    return _complex("fftn", True, input, s, dim, norm)


@with_out
def ifftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of fftn."""
    return _complex("ifftn", False, input, s, dim, norm)


@with_out
def fft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform over two dimensions."""
    return _complex("fft2", True, input, s, dim, norm)


@with_out
def ifft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of fft2."""
    return _complex("ifft2", False, input, s, dim, norm)


@with_out
def rfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The first n // 2 + 1 coefficients of the transform of a real tensor: the others are conjugates."""
    return _from_real("rfft", True, input, _one(n), (dim,), norm)


@with_out
def irfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The inverse of rfft: n real values; 2 (size - 1) where None, so give n for an odd one.

    >>> plait.fft.irfft(plait.fft.rfft(plait.tensor([1.0, 2.0, 3.0])), n=3)
    tensor([1., 2., 3.])
    """
    return _to_real("irfft", False, input, _one(n), (dim,), norm)


@with_out
def rfftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform of a real tensor over several dimensions, with half of the last one's coefficients."""
    return _from_real("rfftn", True, input, s, dim, norm)


@with_out
def irfftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of rfftn; s are the sizes of the result."""
    return _to_real("irfftn", False, input, s, dim, norm)


@with_out
def rfft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform of a real tensor over two dimensions, with half of the last one's coefficients."""
    return _from_real("rfft2", True, input, s, dim, norm)


@with_out
def irfft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of rfft2; s are the sizes of the result."""
    return _to_real("irfft2", False, input, s, dim, norm)


@with_out
def hfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The transform of a Hermitian signal, of which the first n // 2 + 1 values are given: n real values,
    2 (size - 1) where None.

    >>> plait.fft.hfft(plait.tensor([1.0, 0.5, 0.0]))
    tensor([2., 1., 0., 1.])
    """
    return _to_real("hfft", True, input, _one(n), (dim,), norm)


@with_out
def ihfft(
    input: Tensor, n: int | None = None, dim: int = -1, norm: str | None = None, *, out: Any = None
) -> Tensor:
    """The inverse of hfft: the first n // 2 + 1 values of the Hermitian signal that has a real spectrum.

    >>> plait.fft.ihfft(plait.tensor([2.0, 1.0, 0.0, 1.0]))
    tensor([1.0000-0.j, 0.5000-0.j, 0.0000-0.j])
    """
    return _from_real("ihfft", False, input, _one(n), (dim,), norm)


@with_out
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
    return _to_real("hfftn", True, input, s, dim, norm)


@with_out
def ihfftn(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = None,
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of hfftn, with half of the last dimension's values."""
    return _from_real("ihfftn", False, input, s, dim, norm)


@with_out
def hfft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The transform of a Hermitian signal over two dimensions, of which half of the last one is given."""
    return _to_real("hfft2", True, input, s, dim, norm)


@with_out
def ihfft2(
    input: Tensor,
    s: _Dims = None,
    dim: _Dims = (-2, -1),
    norm: str | None = None,
    *,
    out: Any = None,
) -> Tensor:
    """The inverse of hfft2, with half of the last dimension's values."""
    return _from_real("ihfft2", False, input, s, dim, norm)


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


def fftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Moves the zero frequency to the middle.

    >>> plait.fft.fftshift(plait.arange(4))
    tensor([2, 3, 0, 1])
    """
    return _rolled(input, dim, back=False)


def ifftshift(input: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """The inverse of fftshift."""
    return _rolled(input, dim, back=True)
