"""Questions about PyTorch's compiler front end, which plait has not."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["is_compile_supported"]


def is_compile_supported(device_type: Any) -> bool:
    """Can programs for the device be compiled? No."""
    return False
