"""Padding layers: constant, zero, reflecting, replicating, circular."""

from __future__ import annotations

import plait
from plait import Tensor

from .module import Module
from .shapes import ntuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "CircularPad1d",
    "CircularPad2d",
    "CircularPad3d",
    "ConstantPad1d",
    "ConstantPad2d",
    "ConstantPad3d",
    "ReflectionPad1d",
    "ReflectionPad2d",
    "ReflectionPad3d",
    "ReplicationPad1d",
    "ReplicationPad2d",
    "ReplicationPad3d",
    "ZeroPad1d",
    "ZeroPad2d",
    "ZeroPad3d",
]


class _Pad(Module):
    """`padding` is one number for all sides or two per dimension, the last dimension first."""

    _dims: int
    _mode: str

    def __init__(self, padding: Any):
        super().__init__()
        self.padding = ntuple(padding, 2 * self._dims, type(self).__name__, "padding")

    def forward(self, input: Tensor) -> Tensor:
        return plait.pad(input, self.padding, self._mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    def __init__(self, padding: Any, value: float):
        super().__init__(padding)
        self.value = value

    def forward(self, input: Tensor) -> Tensor:
        return plait.pad(input, self.padding, "constant", self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """Pads the last dimension with `value`; `padding` is a number or (left, right).

    >>> plait.nn.ConstantPad1d((2, 1), 3.5)(plait.zeros(1, 1, 2))
    tensor([[[3.5000, 3.5000, 0.0000, 0.0000, 3.5000]]])
    """

    _dims = 1


class ConstantPad2d(_ConstantPad):
    """Pads the last two dimensions with `value`; `padding` is a number or (left, right, top, bottom)."""

    _dims = 2


class ConstantPad3d(_ConstantPad):
    """Pads the last three dimensions with `value`; `padding` is a number or (left, right, top, bottom, front,
    back).
    """

    _dims = 3


class _ZeroPad(_ConstantPad):
    def __init__(self, padding: Any):
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad1d(_ZeroPad):
    """Pads the last dimension with zeros; `padding` is a number or (left, right)."""

    _dims = 1


class ZeroPad2d(_ZeroPad):
    """Pads the last two dimensions with zeros; `padding` is a number or (left, right, top, bottom).

    >>> plait.nn.ZeroPad2d(2)(plait.ones(1, 1, 3, 3)).shape
    plait.Size([1, 1, 7, 7])
    """

    _dims = 2


class ZeroPad3d(_ZeroPad):
    """Pads the last three dimensions with zeros; `padding` is a number or (left, right, top, bottom, front,
    back).
    """

    _dims = 3


class ReflectionPad1d(_Pad):
    """Pads the last dimension with its mirror image, without repeating the edge: (N, C, L) or (C, L).

    >>> plait.nn.ReflectionPad1d(2)(plait.tensor([[[0., 1., 2., 3.]]]))
    tensor([[[2., 1., 0., 1., 2., 3., 2., 1.]]])
    """

    _dims, _mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Pads the last two dimensions with their mirror image: (N, C, H, W) or (C, H, W)."""

    _dims, _mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Pads the last three dimensions with their mirror image: (N, C, D, H, W) or (C, D, H, W)."""

    _dims, _mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Pads the last dimension by repeating its edge: (N, C, L) or (C, L).

    >>> plait.nn.ReplicationPad1d(2)(plait.tensor([[[0., 1., 2.]]]))
    tensor([[[0., 0., 0., 1., 2., 2., 2.]]])
    """

    _dims, _mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Pads the last two dimensions by repeating their edges: (N, C, H, W) or (C, H, W)."""

    _dims, _mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Pads the last three dimensions by repeating their edges: (N, C, D, H, W) or (C, D, H, W)."""

    _dims, _mode = 3, "replicate"


class _CircularPad(_Pad):
    _mode = "circular"

    def forward(self, input: Tensor) -> Tensor:
        if input.dim() not in (self._dims + 1, self._dims + 2):
            raise plait.ArgumentError(
                f"{type(self).__name__}: expected input of {self._dims + 1} or {self._dims + 2} dimensions, "
                f"got shape {tuple(input.shape)}"
            )
        return plait.pad(input, self.padding, self._mode)


class CircularPad1d(_CircularPad):
    """Pads the last dimension with its other end: (N, C, L) or (C, L).

    >>> plait.nn.CircularPad1d(1)(plait.tensor([[[0., 1., 2.]]]))
    tensor([[[2., 0., 1., 2., 0.]]])
    """

    _dims = 1


class CircularPad2d(_CircularPad):
    """Pads the last two dimensions with their other ends: (N, C, H, W) or (C, H, W)."""

    _dims = 2


class CircularPad3d(_CircularPad):
    """Pads the last three dimensions with their other ends: (N, C, D, H, W) or (C, D, H, W)."""

    _dims = 3
