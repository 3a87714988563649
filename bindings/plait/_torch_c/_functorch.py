"""Questions about the wrappers of PyTorch's function transforms: no tensor of plait is one."""

from __future__ import annotations

from .._missing import absent_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WHY = "plait.func.vmap calls its function once for each entry of the batch"

__all__ = [
    "_add_batch_dim",
    "_remove_batch_dim",
    "get_unwrapped",
    "is_batchedtensor",
    "is_functorch_wrapped_tensor",
    "is_gradtrackingtensor",
    "is_legacy_batchedtensor",
    "maybe_get_level",
]


_add_batch_dim = absent_class(__name__, "_add_batch_dim", _WHY)
_remove_batch_dim = absent_class(__name__, "_remove_batch_dim", _WHY)


def is_batchedtensor(tensor: Any) -> bool:
    """Does it stand for a batch within vmap? Never."""
    return False


is_legacy_batchedtensor = is_gradtrackingtensor = is_functorch_wrapped_tensor = is_batchedtensor


def maybe_get_level(tensor: Any) -> int:
    """The depth of the transform that it belongs to: -1, none."""
    return -1


def get_unwrapped(tensor: Any) -> Any:
    """The tensor as it is."""
    return tensor
