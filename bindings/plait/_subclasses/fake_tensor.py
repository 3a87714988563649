"""Stand-ins for tensors in PyTorch's compiler, which plait has not."""

from __future__ import annotations

from .._missing import placeholders

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["is_fake"]


def is_fake(x: Any) -> bool:
    """Does the tensor only stand for another? Never."""
    return False


__getattr__ = placeholders(
    __name__, ("FakeTensor", "FakeTensorMode"), "plait has no fake tensors; use the device 'meta'"
)
