"""oneDNN, which computes convolutions, pooling and large products on the CPU."""

from __future__ import annotations

from ._flags import changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager

enabled = True
deterministic = False
allow_tf32 = False


def is_available() -> bool:
    """Is it there?"""
    return True


def flags(
    enabled: bool = False, deterministic: bool = False, allow_tf32: bool = True
) -> AbstractContextManager[None]:
    """The switches for the length of a `with`."""
    return changed(__name__, enabled=enabled, deterministic=deterministic, allow_tf32=allow_tf32)
