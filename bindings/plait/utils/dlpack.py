"""DLPack: tensors to and from other libraries without a copy."""

from __future__ import annotations

from .. import _C
from .._functions import from_dlpack

__all__ = ["from_dlpack", "to_dlpack"]


def to_dlpack(tensor):
    """A DLPack capsule that shares the memory of the tensor."""
    return _C._to_dlpack(tensor)
