"""Convolutions and transposed convolutions in one, two and three dimensions."""
# ruff: noqa: D102 - `forward` is what the docstring of its class describes

from __future__ import annotations

import math

import plait
from plait import Tensor

from .. import init
from ..parameter import Parameter
from .module import Module
from .shapes import ntuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"]

_PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class _ConvNd(Module):
    """What all convolutions share: `weight`, `bias`, and the geometry."""

    _dims: int
    _transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        who, n = type(self).__name__, self._dims
        if groups <= 0:
            raise ValueError(f"{who}: groups should be a positive integer, got {groups}")
        if in_channels % groups:
            raise ValueError(
                f"{who}: in_channels should be divisible by groups, got {in_channels} and {groups}"
            )
        if out_channels % groups:
            raise ValueError(
                f"{who}: out_channels should be divisible by groups, got {out_channels} and {groups}"
            )
        modes = ("zeros",) if self._transposed else _PADDING_MODES
        if padding_mode not in modes:
            raise ValueError(f"{who}: padding_mode should be one of {modes}, got {padding_mode!r}")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = ntuple(kernel_size, n, who, "kernel_size")
        self.stride = ntuple(stride, n, who, "stride")
        if isinstance(padding, str):
            if self._transposed or padding not in ("same", "valid"):
                wanted = "numbers" if self._transposed else "'same', 'valid' or numbers"
                raise ValueError(f"{who}: padding should be {wanted}, got {padding!r}")
            if padding == "same" and any(s != 1 for s in self.stride):
                raise ValueError(f"{who}: padding='same' needs stride 1, got stride={self.stride}")
            self.padding: Any = padding
        else:
            self.padding = ntuple(padding, n, who, "padding")
        self.dilation = ntuple(dilation, n, who, "dilation")
        self.output_padding = ntuple(output_padding, n, who, "output_padding")
        self.groups = groups
        self.padding_mode = padding_mode
        self._plan_padding()
        channels = (
            (in_channels, out_channels // groups)
            if self._transposed
            else (out_channels, in_channels // groups)
        )
        self.weight = Parameter(plait.empty((*channels, *self.kernel_size), device=device, dtype=dtype))
        if bias:
            self.bias = Parameter(plait.empty(out_channels, device=device, dtype=dtype))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def __setattr__(self, name: str, value: Any) -> None:
        super().__setattr__(name, value)
        # Programs change a layer that is there: conv.dilation, conv.padding = (2, 2), (2, 2).
        if name in ("padding", "padding_mode", "dilation", "kernel_size") and "_pad_inside" in self.__dict__:
            self._plan_padding()

    def _plan_padding(self) -> None:
        """Splits the padding into what `pad` does first (last dimension first) and what the convolution does
        itself.
        """
        if self.padding == "valid":
            sides = [(0, 0)] * self._dims
        elif self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            sides = [(t // 2, t - t // 2) for t in totals]
        else:
            sides = [(p, p) for p in ntuple(self.padding, self._dims, type(self).__name__, "padding")]
        self._pad_mode = "constant" if self.padding_mode == "zeros" else self.padding_mode
        if self.padding_mode == "zeros" and all(a == b for a, b in sides):
            self._pad_first: tuple[int, ...] = ()
            self._pad_inside = tuple(a for a, _ in sides)
        else:
            self._pad_first = tuple(p for side in reversed(sides) for p in side)
            self._pad_inside = (0,) * self._dims

    def reset_parameters(self) -> None:
        """Draws the parameters anew (He et al. 2015, with a=sqrt(5)); the bias is uniform in
        +-1/sqrt(fan_in).
        """
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init._calculate_fan_in_and_fan_out(self.weight)
            if fan_in:
                bound = 1 / math.sqrt(fan_in)
                init.uniform_(self.bias, -bound, bound)
            else:
                init.zeros_(self.bias)

    def _padded(self, input: Tensor) -> Tensor:
        return plait.pad(input, self._pad_first, self._pad_mode) if self._pad_first else input

    def extra_repr(self) -> str:
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"
        )
        if self.padding != (0,) * self._dims:
            text += f", padding={self.padding}"
        if self.dilation != (1,) * self._dims:
            text += f", dilation={self.dilation}"
        if self.output_padding != (0,) * self._dims:
            text += f", output_padding={self.output_padding}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        if self.bias is None:
            text += ", bias=False"
        if self.padding_mode != "zeros":
            text += f", padding_mode={self.padding_mode}"
        return text


class _Conv(_ConvNd):
    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            0,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )


class Conv1d(_Conv):
    """Cross-correlation over one dimension: (N, C_in, L) or (C_in, L) -> (N, C_out, L_out).

    L_out = floor((L + 2 padding - dilation (kernel_size - 1) - 1) / stride) + 1. `padding` may be 'same' or
    'valid'; `padding_mode` is 'zeros', 'reflect', 'replicate' or 'circular'.

    >>> plait.nn.Conv1d(16, 33, 3, stride=2)(plait.zeros(20, 16, 50)).shape
    plait.Size([20, 33, 24])
    """

    _dims = 1

    def forward(self, input: Tensor) -> Tensor:
        if self._pad_first:
            input = self._padded(input)
        return plait.conv1d(
            input, self.weight, self.bias, self.stride, self._pad_inside, self.dilation, self.groups
        )


class Conv2d(_Conv):
    """Cross-correlation over two dimensions: (N, C_in, H, W) or (C_in, H, W) -> (N, C_out, H_out, W_out).

    Sizes and options are as Conv1d's, per dimension.

    >>> plait.nn.Conv2d(3, 8, 3, padding="same")(plait.zeros(1, 3, 10, 12)).shape
    plait.Size([1, 8, 10, 12])
    """

    _dims = 2

    def forward(self, input: Tensor) -> Tensor:
        if self._pad_first:
            input = self._padded(input)
        return plait.conv2d(
            input, self.weight, self.bias, self.stride, self._pad_inside, self.dilation, self.groups
        )


class Conv3d(_Conv):
    """Cross-correlation over three dimensions: (N, C_in, D, H, W) -> (N, C_out, D_out, H_out, W_out).

    >>> plait.nn.Conv3d(2, 4, (1, 3, 3))(plait.zeros(1, 2, 5, 8, 8)).shape
    plait.Size([1, 4, 5, 6, 6])
    """

    _dims = 3

    def forward(self, input: Tensor) -> Tensor:
        if self._pad_first:
            input = self._padded(input)
        return plait.conv3d(
            input, self.weight, self.bias, self.stride, self._pad_inside, self.dilation, self.groups
        )


class _ConvTranspose(_ConvNd):
    _transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            device,
            dtype,
        )

    def _output_padding_for(self, input: Tensor, output_size: Any) -> tuple[int, ...]:
        """The output padding that gives `output_size`, which a stride leaves open."""
        if output_size is None:
            return self.output_padding
        n = self._dims
        wanted = tuple(output_size)
        leading = input.dim() - n
        if len(wanted) == input.dim():
            wanted = wanted[leading:]
        if len(wanted) != n:
            raise ValueError(
                f"{type(self).__name__}: output_size should have {n} or {input.dim()} entries, got "
                f"{tuple(output_size)}"
            )
        least = tuple(
            (input.shape[leading + d] - 1) * self.stride[d]
            - 2 * self.padding[d]
            + self.dilation[d] * (self.kernel_size[d] - 1)
            + 1
            for d in range(n)
        )
        most = tuple(low + s - 1 for low, s in zip(least, self.stride, strict=True))
        if any(not low <= w <= high for low, w, high in zip(least, wanted, most, strict=True)):
            raise ValueError(
                f"{type(self).__name__}: requested an output size of {wanted}, but for an input of shape "
                f"{tuple(input.shape)} sizes from {least} to {most} are possible"
            )
        return tuple(w - low for low, w in zip(least, wanted, strict=True))


class ConvTranspose1d(_ConvTranspose):
    """The gradient of Conv1d with respect to its input: (N, C_in, L) -> (N, C_out, L_out).

    L_out = (L - 1) stride - 2 padding + dilation (kernel_size - 1) + output_padding + 1.

    >>> plait.nn.ConvTranspose1d(4, 2, 3, stride=2)(plait.zeros(1, 4, 5)).shape
    plait.Size([1, 2, 11])
    """

    _dims = 1

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._output_padding_for(input, output_size)
        return plait.conv_transpose1d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose2d(_ConvTranspose):
    """The gradient of Conv2d with respect to its input: (N, C_in, H, W) -> (N, C_out, H_out, W_out).

    >>> up = plait.nn.ConvTranspose2d(4, 2, 3, stride=2, padding=1)
    >>> up(plait.zeros(1, 4, 5, 5), output_size=(10, 10)).shape
    plait.Size([1, 2, 10, 10])
    """

    _dims = 2

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._output_padding_for(input, output_size)
        return plait.conv_transpose2d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )


class ConvTranspose3d(_ConvTranspose):
    """The gradient of Conv3d with respect to its input: (N, C_in, D, H, W) -> (N, C_out, D_out, H_out,
    W_out).

    >>> plait.nn.ConvTranspose3d(2, 2, 2)(plait.zeros(1, 2, 3, 3, 3)).shape
    plait.Size([1, 2, 4, 4, 4])
    """

    _dims = 3

    def forward(self, input: Tensor, output_size: Any = None) -> Tensor:
        extra = self._output_padding_for(input, output_size)
        return plait.conv_transpose3d(
            input, self.weight, self.bias, self.stride, self.padding, extra, self.groups, self.dilation
        )
