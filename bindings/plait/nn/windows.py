"""Functions over windows and channels that are composites of ops; `plait.nn.functional` hands them on."""

from __future__ import annotations

import math

import plait
from plait import Tensor
from plait._autocast import one_op

from .modules.shapes import ntuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def local_response_norm(
    input: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0
) -> Tensor:
    """x / (k + alpha * mean of x^2 over `size` neighbouring channels)^beta: (N, C, *) (Krizhevsky et al.
    2012).
    """
    if input.dim() < 3:
        raise ValueError(
            f"local_response_norm: expected at least 3 dimensions, got shape {tuple(input.shape)}"
        )
    if input.numel() == 0:
        return input
    squares = (input * input).reshape(input.shape[0], 1, input.shape[1], -1)
    squares = plait.pad(squares, (0, 0, size // 2, (size - 1) // 2))
    means = plait.avg_pool2d(squares, (size, 1), 1).reshape(input.shape)
    return input / (means * alpha + k) ** beta


def conv_tbc(input: Tensor, weight: Tensor, bias: Tensor | None = None, pad: int = 0) -> Tensor:
    """conv1d of sequences that lie time first: input (T, N, C_in), weight (K, C_in, C_out), bias (C_out) ->
    (T + 2 pad - K + 1, N, C_out).

    >>> x = plait.tensor([1.0, 2.0, 3.0]).reshape(3, 1, 1)
    >>> plait.nn.functional.conv_tbc(x, plait.ones(2, 1, 1), plait.zeros(1)).flatten()
    tensor([3., 5.])
    """
    if input.dim() != 3 or weight.dim() != 3:
        raise plait.ArgumentError(
            "conv_tbc: expected input (T, N, C_in) and weight (K, C_in, C_out), got "
            f"{tuple(input.shape)} and {tuple(weight.shape)}"
        )
    result = plait.conv1d(input.permute(1, 2, 0), weight.permute(2, 1, 0), bias, padding=pad)
    return result.permute(2, 0, 1)


def _lp_pool(
    n: int, input: Tensor, norm_type: float, kernel_size: Any, stride: Any, ceil_mode: bool
) -> Tensor:
    kernel = ntuple(kernel_size, n, f"lp_pool{n}d", "kernel_size")
    step = kernel if stride is None else ntuple(stride, n, f"lp_pool{n}d", "stride")
    if abs(norm_type) == float("inf"):
        pool = getattr(plait, f"max_pool{n}d")
        size = input.abs()
        return (
            pool(size, kernel, step, 0, 1, ceil_mode)
            if norm_type > 0
            else -pool(-size, kernel, step, 0, 1, ceil_mode)
        )
    mean = getattr(plait, f"avg_pool{n}d")(input**norm_type, kernel, step, 0, ceil_mode)
    points = 1
    for k in kernel:
        points *= k
    return (plait.sign(mean) * plait.relu(plait.abs(mean)) * points) ** (1.0 / norm_type)


def lp_pool1d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """(sum x^p)^(1/p) over windows of the last dimension."""
    return _lp_pool(1, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """(sum x^p)^(1/p) over windows of the last two dimensions."""
    return _lp_pool(2, input, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(
    input: Tensor, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False
) -> Tensor:
    """(sum x^p)^(1/p) over windows of the last three dimensions."""
    return _lp_pool(3, input, norm_type, kernel_size, stride, ceil_mode)




def _fractional_max_pool(
    name: str, rank: int, input: Tensor, kernel_size: Any, output_size: Any, output_ratio: Any, samples: Any
) -> tuple[Tensor, Tensor]:
    if input.dim() not in (rank + 1, rank + 2):
        raise ValueError(
            f"{name}: expected input with {rank + 2} dimensions ({rank + 1} without a batch), "
            f"got shape {tuple(input.shape)}"
        )
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name}: expected output_size or output_ratio, got neither")
    if output_size is None:
        ratios = ntuple(output_ratio, rank, name, "output_ratio")
        output_size = [int(n * r) for n, r in zip(input.shape[-rank:], ratios)]
    x = input if input.dim() == rank + 2 else input.unsqueeze(0)
    if samples is None:
        samples = plait.rand(*x.shape[:2], rank, dtype=input.dtype, device=input.device)
    values, indices = plait._fractional_max_pool(
        x,
        ntuple(kernel_size, rank, name, "kernel_size"),
        ntuple(output_size, rank, name, "output_size"),
        samples,
    )
    return (values, indices) if x is input else (values.squeeze(0), indices.squeeze(0))


@one_op(cpu="float32")
def fractional_max_pool2d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """Maxima over windows of one size at pseudo-random places (Graham, "Fractional max-pooling", 2014):
    (N, C, H, W) or (C, H, W) to `output_size`, or to `output_ratio` times the size. With `return_indices`
    also where each stands. `_random_samples` (N, C, 2), from 0 to 1, shift the windows along width and
    height.

    >>> x, samples = plait.arange(16.0).reshape(1, 1, 4, 4), plait.zeros(1, 1, 2)
    >>> plait.nn.functional.fractional_max_pool2d(x, 2, output_size=2, _random_samples=samples)
    tensor([[[[ 5.,  7.],
              [13., 15.]]]])
    """
    values, indices = _fractional_max_pool(
        "fractional_max_pool2d", 2, input, kernel_size, output_size, output_ratio, _random_samples
    )
    return (values, indices) if return_indices else values


@one_op(cpu="float32")
def fractional_max_pool3d(
    input: Tensor,
    kernel_size: Any,
    output_size: Any = None,
    output_ratio: Any = None,
    return_indices: bool = False,
    _random_samples: Tensor | None = None,
) -> Any:
    """`fractional_max_pool2d` of (N, C, D, H, W) or (C, D, H, W), with samples (N, C, 3) for depth, height
    and width.
    """
    values, indices = _fractional_max_pool(
        "fractional_max_pool3d", 3, input, kernel_size, output_size, output_ratio, _random_samples
    )
    return (values, indices) if return_indices else values


def fractional_max_pool2d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """`fractional_max_pool2d` that also gives where each maximum stands."""
    return fractional_max_pool2d(*args, **{**kwargs, "return_indices": True})


def fractional_max_pool3d_with_indices(*args: Any, **kwargs: Any) -> Any:
    """`fractional_max_pool3d` that also gives where each maximum stands."""
    return fractional_max_pool3d(*args, **{**kwargs, "return_indices": True})


class _Windows:
    """The geometry of `unfold` and `fold`."""

    def __init__(self, who: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any):
        self.kernel = ntuple(kernel_size, 2, who, "kernel_size")
        self.dilation = ntuple(dilation, 2, who, "dilation")
        self.padding = ntuple(padding, 2, who, "padding")
        self.stride = ntuple(stride, 2, who, "stride")
        if min(self.kernel + self.dilation + self.stride) < 1 or min(self.padding) < 0:
            raise RuntimeError(
                f"{who}: kernel_size, dilation and stride should be positive and padding not negative, got "
                f"{self.kernel}, "
                f"{self.dilation}, {self.stride}, {self.padding}"
            )

    def counts(self, who: str, height: int, width: int) -> tuple[int, int]:
        """How many windows there are in each direction."""
        (ph, pw), (dh, dw), (kh, kw), (sh, sw) = self.padding, self.dilation, self.kernel, self.stride
        rows = (height + 2 * ph - dh * (kh - 1) - 1) // sh + 1
        cols = (width + 2 * pw - dw * (kw - 1) - 1) // sw + 1
        if rows < 1 or cols < 1:
            raise RuntimeError(
                f"{who}: windows of {self.kernel} with dilation {self.dilation} do not fit in {height} x "
                f"{width} with "
                f"padding {self.padding}"
            )
        return rows, cols

    def slices(self, i: int, j: int, rows: int, cols: int) -> tuple[slice, slice]:
        """Where the windows have their point (i, j), in the padded image."""
        top, left = i * self.dilation[0], j * self.dilation[1]
        return (
            slice(top, top + (rows - 1) * self.stride[0] + 1, self.stride[0]),
            slice(left, left + (cols - 1) * self.stride[1] + 1, self.stride[1]),
        )


def unfold(input: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """Sliding windows as columns: (N, C, H, W) or (C, H, W) -> (N, C kh kw, number of windows)."""
    if input.dim() not in (3, 4):
        raise RuntimeError(f"unfold: expected 3D or 4D input, got shape {tuple(input.shape)}")
    lone = input.dim() == 3
    x = input.unsqueeze(0) if lone else input
    n, c, h, w = x.shape
    windows = _Windows("unfold", kernel_size, dilation, padding, stride)
    rows, cols = windows.counts("unfold", h, w)
    ph, pw = windows.padding
    if ph or pw:
        x = plait.constant_pad_nd(x, (pw, pw, ph, ph))
    (kh, kw), (down, across) = windows.kernel, windows.dilation
    tall, wide = down * (kh - 1) + 1, across * (kw - 1) + 1
    # (N, C, rows, cols, tall, wide)
    points = x.unfold(2, tall, windows.stride[0]).unfold(3, wide, windows.stride[1])
    if down > 1 or across > 1:
        points = points[..., ::down, ::across]
    result = points.permute(0, 1, 4, 5, 2, 3).reshape(n, c * kh * kw, rows * cols)
    return result.squeeze(0) if lone else result


def fold(
    input: Tensor, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Sums columns back into an image: (N, C kh kw, number of windows) -> (N, C, *output_size)."""
    if input.dim() not in (2, 3):
        raise RuntimeError(f"fold: expected 2D or 3D input, got shape {tuple(input.shape)}")
    lone = input.dim() == 2
    x = input.unsqueeze(0) if lone else input
    windows = _Windows("fold", kernel_size, dilation, padding, stride)
    h, w = ntuple(output_size, 2, "fold", "output_size")
    rows, cols = windows.counts("fold", h, w)
    kh, kw = windows.kernel
    if x.shape[1] % (kh * kw) or x.shape[2] != rows * cols:
        raise RuntimeError(
            f"fold: expected (N, C * {kh * kw}, {rows * cols}) for output_size ({h}, {w}) and kernel "
            f"{windows.kernel}, got "
            f"{tuple(input.shape)}"
        )
    ph, pw = windows.padding
    points = x.reshape(x.shape[0], -1, kh, kw, rows, cols)
    image = plait.zeros((x.shape[0], points.shape[1], h + 2 * ph, w + 2 * pw), dtype=x.dtype, device=x.device)
    for i in range(kh):
        for j in range(kw):
            down, across = windows.slices(i, j, rows, cols)
            image[:, :, down, across] += points[:, :, i, j]
    image = image[:, :, ph : ph + h, pw : pw + w]
    return image.squeeze(0) if lone else image


def _max_unpool(
    who: str, n: int, input: Tensor, indices: Tensor, kernel_size: Any, stride: Any, padding: Any, size: Any
) -> Tensor:
    kernel = ntuple(kernel_size, n, who, "kernel_size")
    step = ntuple(stride if stride is not None else kernel_size, n, who, "stride")
    pad = ntuple(padding, n, who, "padding")
    if input.dim() not in (n + 1, n + 2):
        raise ValueError(
            f"{who}: expected an input of {n + 1} or {n + 2} dimensions, got shape {tuple(input.shape)}"
        )
    if indices.shape != input.shape:
        raise ValueError(
            f"{who}: indices should have the shape of input, {tuple(input.shape)}, got "
            f"{tuple(indices.shape)}; they come from the pooling with return_indices=True"
        )
    least = [(i - 1) * s - 2 * p + k for i, s, p, k in zip(input.shape[-n:], step, pad, kernel)]
    if size is None:
        sizes = least
    else:
        sizes = list(size)[-n:]
        if not n <= len(size) <= n + 2 or any(not m - s < z < m + s for m, s, z in zip(least, step, sizes)):
            raise ValueError(
                f"{who}: output_size {tuple(size)} does not pool to {tuple(input.shape[-n:])}; each of its "
                f"last {n} sizes should be less than the stride {step} away from {tuple(least)}"
            )
    lead = tuple(input.shape[:-n])
    count = math.prod(sizes)
    flat = plait.zeros((*lead, count), dtype=input.dtype, device=input.device)
    here = math.prod(input.shape[-n:])
    result = flat.scatter(-1, indices.reshape(*lead, here), input.reshape(*lead, here))
    return result.reshape(*lead, *sizes)


def max_unpool1d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Puts the maxima of `max_pool1d(..., return_indices=True)` back where they stood, zeros elsewhere."""
    return _max_unpool("max_unpool1d", 1, input, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Puts the maxima of `max_pool2d(..., return_indices=True)` back where they stood, zeros elsewhere.

    >>> F = plait.nn.functional
    >>> x, where = F.max_pool2d(plait.arange(16.0).reshape(1, 1, 4, 4), 2, return_indices=True)
    >>> F.max_unpool2d(x, where, 2)[0, 0, 1]
    tensor([0., 5., 0., 7.])
    """
    return _max_unpool("max_unpool2d", 2, input, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    input: Tensor,
    indices: Tensor,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    output_size: Any = None,
) -> Tensor:
    """Puts the maxima of `max_pool3d(..., return_indices=True)` back where they stood, zeros elsewhere."""
    return _max_unpool("max_unpool3d", 3, input, indices, kernel_size, stride, padding, output_size)
