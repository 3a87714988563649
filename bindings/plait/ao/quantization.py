"""Quantisation, which plait has not: the stubs that mark where a model's numbers would be converted pass them
on, so that such models run as they are; what would quantise a model raises.
"""

from __future__ import annotations

from .._missing import placeholders
from ..nn import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from plait import Tensor

__all__ = ["DeQuantStub", "QuantStub", "QuantWrapper"]


class QuantStub(Module):
    """Where numbers would be quantised: the identity.

    >>> plait.ao.quantization.QuantStub()(plait.ones(1))
    tensor([1.])
    """

    def __init__(self, qconfig: Any = None):
        super().__init__()
        self.qconfig = qconfig

    def forward(self, x: Tensor) -> Tensor:
        """x."""
        return x


class DeQuantStub(QuantStub):
    """Where numbers would be made floats again: the identity."""


class QuantWrapper(Module):
    """A module between a QuantStub and a DeQuantStub."""

    def __init__(self, module: Module):
        super().__init__()
        self.quant, self.dequant, self.module = QuantStub(), DeQuantStub(), module
        self.train(module.training)

    def forward(self, X: Tensor) -> Tensor:
        """module(X)."""
        return self.dequant(self.module(self.quant(X)))


__getattr__ = placeholders(
    __name__,
    (
        "FakeQuantize",
        "FakeQuantizeBase",
        "HistogramObserver",
        "MinMaxObserver",
        "MovingAverageMinMaxObserver",
        "ObserverBase",
        "PerChannelMinMaxObserver",
        "PlaceholderObserver",
        "QConfig",
        "QConfigMapping",
        "convert",
        "default_dynamic_qconfig",
        "default_observer",
        "default_per_channel_weight_observer",
        "default_qconfig",
        "default_weight_observer",
        "disable_observer",
        "enable_observer",
        "float16_dynamic_qconfig",
        "fuse_modules",
        "fuse_modules_qat",
        "get_default_qat_qconfig",
        "get_default_qconfig",
        "get_default_qconfig_mapping",
        "per_channel_dynamic_qconfig",
        "prepare",
        "prepare_qat",
        "quantize",
        "quantize_dynamic",
        "quantize_qat",
    ),
    "plait has no quantised tensors; use bfloat16, or float8 through plait.float8_e4m3fn",
)
