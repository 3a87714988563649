"""Convolutions' weights in another memory format."""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ..modules.module import Module

__all__ = ["convert_conv2d_weight_memory_format", "convert_conv3d_weight_memory_format"]


def _convert(module: Module, memory_format: Any, kinds: tuple[type, ...]) -> Module:
    for m in module.modules():
        if isinstance(m, kinds):
            m.weight.data = m.weight.detach().clone(memory_format=memory_format)  # type: ignore[union-attr]
    return module


def convert_conv2d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Gives the weights of all two-dimensional convolutions in `module` this memory format.

    >>> m = plait.nn.Sequential(plait.nn.Conv2d(8, 4, 2))
    >>> m = plait.nn.utils.convert_conv2d_weight_memory_format(m, plait.channels_last)
    >>> m[0].weight.is_contiguous(memory_format=plait.channels_last)
    True
    """
    return _convert(module, memory_format, (plait.nn.Conv2d, plait.nn.ConvTranspose2d))


def convert_conv3d_weight_memory_format(module: Module, memory_format: Any) -> Module:
    """Gives the weights of all three-dimensional convolutions in `module` this memory format."""
    return _convert(module, memory_format, (plait.nn.Conv3d, plait.nn.ConvTranspose3d))
