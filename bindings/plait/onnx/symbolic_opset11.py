"""How ops are written to ONNX files, which plait does not."""

from .._missing import placeholders

__getattr__ = placeholders(__name__, ("add", "select", "squeeze", "unsqueeze"), "plait writes no ONNX")
