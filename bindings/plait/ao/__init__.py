"""PyTorch's home of quantisation, which plait has not: modules that can be quantised run as they are."""

from . import quantization

__all__ = ["quantization"]
