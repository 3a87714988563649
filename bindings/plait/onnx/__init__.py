"""ONNX files, which plait does not write."""

from __future__ import annotations

from .._missing import placeholders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["is_in_onnx_export", "register_custom_op_symbolic"]


def is_in_onnx_export() -> bool:
    """Is a model being exported? Never.

    >>> plait.onnx.is_in_onnx_export()
    False
    """
    return False


def register_custom_op_symbolic(symbolic_name: str, symbolic_fn: Any, opset_version: int) -> None:
    """Nothing: how an op would be written to a file is not asked."""


__getattr__ = placeholders(
    __name__,
    (
        "ExportOptions",
        "ONNXProgram",
        "OperatorExportTypes",
        "TensorProtoDataType",
        "TrainingMode",
        "dynamo_export",
        "export",
    ),
    "plait writes no ONNX; save the state dict (plait.save or plait.utils.safetensors), load it into "
    "the same model in PyTorch, and export from there",
)
