"""Marks on functions that write ops to ONNX files, which plait does not."""

from __future__ import annotations

from .._missing import placeholders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["parse_args"]


def parse_args(*arg_descriptors: str) -> Callable[[Any], Any]:
    """A decorator that leaves the function as it is."""
    return lambda fn: fn


__getattr__ = placeholders(__name__, ("_get_tensor_sizes", "_maybe_get_const"), "plait writes no ONNX")
