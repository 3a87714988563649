"""ONNX files, which plait does not write."""

from __future__ import annotations

from ._missing import placeholders

__all__ = ["is_in_onnx_export"]


def is_in_onnx_export() -> bool:
    """Is a model being exported? Never.

    >>> plait.onnx.is_in_onnx_export()
    False
    """
    return False


__getattr__ = placeholders(
    __name__,
    ("ExportOptions", "ONNXProgram", "dynamo_export", "export", "register_custom_op_symbolic"),
    "plait writes no ONNX; save the state dict (plait.save or plait.utils.safetensors), load it into "
    "the same "
    "model in PyTorch, and export from there",
)
