"""Names for annotations: what a number, a device, a file or a shape may be given as."""

from __future__ import annotations

import builtins
import os
from collections.abc import Sequence
from typing import IO, Any, TypeAlias, Union

from . import _C
from .storage import UntypedStorage as Storage

__all__ = ["Device", "FileLike", "Number", "Storage"]

Number: TypeAlias = builtins.int | builtins.float | builtins.bool
Device: TypeAlias = Union[_C.device, str, builtins.int, None]
FileLike: TypeAlias = str | os.PathLike[str] | IO[bytes]
"""What `plait.save` and `plait.load` take."""

_int, _float, _bool, _complex = builtins.int, builtins.float, builtins.bool, builtins.complex
_dtype, _device, _size = _C.dtype, _C.device, _C.Size | list[builtins.int] | tuple[builtins.int, ...]
_layout: Any = object
_TensorOrTensors: TypeAlias = Union["_C.Tensor", Sequence["_C.Tensor"]]
