"""Pooling: maximum, average, power average, and their adaptive forms."""
# ruff: noqa: D102 - `forward` is what the docstring of its class describes

from __future__ import annotations

from plait import Tensor

from .. import functional as F
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveAvgPool3d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AdaptiveMaxPool3d",
    "AvgPool1d",
    "AvgPool2d",
    "AvgPool3d",
    "FractionalMaxPool2d",
    "FractionalMaxPool3d",
    "LPPool1d",
    "LPPool2d",
    "LPPool3d",
    "MaxPool1d",
    "MaxPool2d",
    "MaxPool3d",
    "MaxUnpool1d",
    "MaxUnpool2d",
    "MaxUnpool3d",
]


class _MaxPool(Module):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The maximum of each window: (N, C, L) or (C, L) -> (N, C, L_out); with `return_indices` also where it
    stands.

    >>> plait.nn.MaxPool1d(2)(plait.tensor([[[1., 3., 2., 0.]]]))
    tensor([[[3., 2.]]])
    """

    def forward(self, input: Tensor) -> Any:
        pool = F.max_pool1d_with_indices if self.return_indices else F.max_pool1d
        return pool(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool2d(_MaxPool):
    """The maximum of each window: (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out).

    >>> plait.nn.MaxPool2d(3, stride=2)(plait.zeros(20, 16, 50, 32)).shape
    plait.Size([20, 16, 24, 15])
    """

    def forward(self, input: Tensor) -> Any:
        pool = F.max_pool2d_with_indices if self.return_indices else F.max_pool2d
        return pool(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool3d(_MaxPool):
    """The maximum of each window: (N, C, D, H, W) or (C, D, H, W) -> (N, C, D_out, H_out, W_out).

    >>> plait.nn.MaxPool3d(2)(plait.zeros(1, 2, 4, 6, 8)).shape
    plait.Size([1, 2, 2, 3, 4])
    """

    def forward(self, input: Tensor) -> Any:
        pool = F.max_pool3d_with_indices if self.return_indices else F.max_pool3d
        return pool(input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class AvgPool1d(Module):
    """The mean of each window: (N, C, L) or (C, L) -> (N, C, L_out).

    >>> plait.nn.AvgPool1d(2)(plait.tensor([[[1., 3., 2., 0.]]]))
    tensor([[[2., 1.]]])
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ):
        super().__init__()
        one = lambda value: value if isinstance(value, (tuple, list)) else (value,)  # noqa: E731
        self.kernel_size = one(kernel_size)
        self.stride = one(stride if stride is not None else kernel_size)
        self.padding = one(padding)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool1d(
            input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class _AvgPool(Module):
    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    extra_repr = AvgPool1d.extra_repr


class AvgPool2d(_AvgPool):
    """The mean of each window: (N, C, H, W) or (C, H, W) -> (N, C, H_out, W_out).

    >>> plait.nn.AvgPool2d((3, 2), stride=(2, 1))(plait.zeros(20, 16, 50, 32)).shape
    plait.Size([20, 16, 24, 31])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool2d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool3d(_AvgPool):
    """The mean of each window: (N, C, D, H, W) or (C, D, H, W) -> (N, C, D_out, H_out, W_out).

    >>> plait.nn.AvgPool3d(2)(plait.zeros(1, 2, 4, 6, 8)).shape
    plait.Size([1, 2, 2, 3, 4])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.avg_pool3d(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class _LPPool(Module):
    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False):
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def extra_repr(self) -> str:
        return (
            f"norm_type={self.norm_type}, kernel_size={self.kernel_size}, stride={self.stride}, "
            f"ceil_mode={self.ceil_mode}"
        )


class LPPool1d(_LPPool):
    """The p-norm of each window, (sum x^p)^(1/p): (N, C, L) -> (N, C, L_out)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool1d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool2d(_LPPool):
    """The p-norm of each window, (sum x^p)^(1/p): (N, C, H, W) -> (N, C, H_out, W_out)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool2d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool3d(_LPPool):
    """The p-norm of each window, (sum x^p)^(1/p): (N, C, D, H, W) -> (N, C, D_out, H_out, W_out)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.lp_pool3d(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class _AdaptivePool(Module):
    def __init__(self, output_size: Any):
        super().__init__()
        self.output_size = output_size

    def _size(self, input: Tensor, n: int) -> Any:
        """The output size, with None standing for the input's own."""
        size = self.output_size
        if isinstance(size, int):
            return (size,) * n
        if size is None:
            return tuple(input.shape[-n:])
        if None in size:
            return tuple(input.shape[d - n] if s is None else s for d, s in enumerate(size))
        return size

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """Means over windows that give the wanted size: (N, C, L) -> (N, C, output_size).

    >>> plait.nn.AdaptiveAvgPool1d(5)(plait.zeros(1, 64, 8)).shape
    plait.Size([1, 64, 5])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool1d(input, self._size(input, 1))


class AdaptiveAvgPool2d(_AdaptivePool):
    """Means over windows that give the wanted size, an int, a pair, or None for the input's own.

    >>> plait.nn.AdaptiveAvgPool2d((5, None))(plait.zeros(1, 64, 8, 9)).shape
    plait.Size([1, 64, 5, 9])
    """

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool2d(input, self._size(input, 2))


class AdaptiveAvgPool3d(_AdaptivePool):
    """Means over windows that give the wanted size: (N, C, D, H, W) -> (N, C, *output_size)."""

    def forward(self, input: Tensor) -> Tensor:
        return F.adaptive_avg_pool3d(input, self._size(input, 3))


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Any, return_indices: bool = False):
        super().__init__(output_size)
        self.return_indices = return_indices


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """Maxima over windows that give the wanted size: (N, C, L) -> (N, C, output_size)."""

    def forward(self, input: Tensor) -> Any:
        pool = F.adaptive_max_pool1d_with_indices if self.return_indices else F.adaptive_max_pool1d
        return pool(input, self._size(input, 1))


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """Maxima over windows that give the wanted size: (N, C, H, W) -> (N, C, *output_size)."""

    def forward(self, input: Tensor) -> Any:
        pool = F.adaptive_max_pool2d_with_indices if self.return_indices else F.adaptive_max_pool2d
        return pool(input, self._size(input, 2))


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """Maxima over windows that give the wanted size: (N, C, D, H, W) -> (N, C, *output_size)."""

    def forward(self, input: Tensor) -> Any:
        pool = F.adaptive_max_pool3d_with_indices if self.return_indices else F.adaptive_max_pool3d
        return pool(input, self._size(input, 3))


class _FractionalMaxPool(Module):
    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Tensor | None = None,
    ):
        super().__init__()
        name = type(self).__name__
        if (output_size is None) == (output_ratio is None):
            given = "neither" if output_size is None else "both"
            raise ValueError(f"{name}: expected either output_size or output_ratio, got {given}")
        if output_ratio is not None:
            ratios = output_ratio if isinstance(output_ratio, (tuple, list)) else (output_ratio,)
            if not all(0 < ratio < 1 for ratio in ratios):
                raise ValueError(f"{name}: expected output_ratio between 0 and 1, got {output_ratio}")
        self.kernel_size = kernel_size
        self.output_size = output_size
        self.output_ratio = output_ratio
        self.return_indices = return_indices
        self.register_buffer("_random_samples", _random_samples)

    def _arguments(self) -> tuple:
        return (
            self.kernel_size,
            self.output_size,
            self.output_ratio,
            self.return_indices,
            self._random_samples,
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """Maxima over windows of one size at pseudo-random places: (N, C, H, W) -> (N, C, *output_size), or
    `output_ratio` times the size (Graham, "Fractional max-pooling", 2014).

    >>> plait.nn.FractionalMaxPool2d(3, output_ratio=0.5)(plait.zeros(1, 2, 20, 16)).shape
    plait.Size([1, 2, 10, 8])
    """

    def forward(self, input: Tensor) -> Any:
        return F.fractional_max_pool2d(input, *self._arguments())


class FractionalMaxPool3d(_FractionalMaxPool):
    """FractionalMaxPool2d of three dimensions: (N, C, D, H, W) -> (N, C, *output_size)."""

    def forward(self, input: Tensor) -> Any:
        return F.fractional_max_pool3d(input, *self._arguments())


class _MaxUnpool(Module):
    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0):
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = stride if stride is not None else kernel_size
        self.padding = padding

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Puts the maxima of a MaxPool1d back where `indices` says that they stood, zeros elsewhere: (N, C, L) or
    (C, L) -> (N, C, L_out). `output_size` tells sizes apart that pool to the same one.

    >>> pool, unpool = plait.nn.MaxPool1d(2, return_indices=True), plait.nn.MaxUnpool1d(2)
    >>> unpool(*pool(plait.tensor([[[1.0, 3.0, 2.0, 0.0]]])))
    tensor([[[0., 3., 2., 0.]]])
    """

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return F.max_unpool1d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """As MaxUnpool1d, for (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return F.max_unpool2d(input, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool3d(_MaxUnpool):
    """As MaxUnpool1d, for (N, C, D, H, W) or (C, D, H, W)."""

    def forward(self, input: Tensor, indices: Tensor, output_size: Any = None) -> Tensor:
        return F.max_unpool3d(input, indices, self.kernel_size, self.stride, self.padding, output_size)
