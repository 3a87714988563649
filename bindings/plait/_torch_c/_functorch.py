"""Questions about the wrappers of PyTorch's function transforms: a tensor within vmap is its own."""

from __future__ import annotations

from .. import _C
from .._missing import absent_class

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WHY = "plait.func.vmap hides the batch in the tensor itself"

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
    """Does it stand for all entries of a batch within vmap?"""
    return bool(_C._batch_sizes(tensor))


def is_gradtrackingtensor(tensor: Any) -> bool:
    """Is it a wrapper that a gradient is tracked through? Never."""
    return False


is_legacy_batchedtensor = is_gradtrackingtensor
is_functorch_wrapped_tensor = is_batchedtensor


def maybe_get_level(tensor: Any) -> int:
    """The number of the innermost batch that it is in; -1 where it is in none."""
    batches = _C._batch_sizes(tensor)
    return batches[-1][0] if batches else -1


def get_unwrapped(tensor: Any) -> Any:
    """The tensor as it is."""
    return tensor
