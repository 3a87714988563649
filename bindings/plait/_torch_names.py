"""Names that `torch` has in programs for PyTorch beside those of plait (`plait.as_torch`): layouts that no
tensor of plait is of, readers of files, and what describes the build.
"""

from __future__ import annotations

from types import SimpleNamespace

from . import _C
from ._layout import jagged, sparse_bsc, sparse_bsr, sparse_coo, sparse_csc, sparse_csr
from ._missing import absent_class
from .jit import ScriptModule

__all__ = [
    "PyTorchFileReader",
    "PyTorchFileWriter",
    "ScriptModule",
    "chalf",
    "jagged",
    "sparse_bsc",
    "sparse_bsr",
    "sparse_coo",
    "sparse_csc",
    "sparse_csr",
]


chalf = _C.complex32

PyTorchFileReader = absent_class("torch", "PyTorchFileReader", "plait.load reads PyTorch's files")
PyTorchFileWriter = absent_class("torch", "PyTorchFileWriter", "plait.save writes plait's own format")


def _configuration() -> str:
    """What torch.__config__.show() prints: that plait stands in, and on what it computes."""
    from . import version

    return f"plait {version.__version__}, in the place of PyTorch; CUDA {version.cuda}"


config = SimpleNamespace(show=_configuration, parallel_info=_configuration)
