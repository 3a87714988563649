"""Mixed precision: autocast regions, and the scaling of gradients that float16 needs.

There is no autocast layer yet: a region that would be active on the CPU raises, a disabled one does nothing.
GradScaler works on any device.
"""

from .autocast_mode import (
    autocast,
    custom_bwd,
    custom_fwd,
    get_autocast_dtype,
    is_autocast_available,
    is_autocast_enabled,
)
from .grad_scaler import GradScaler

__all__ = [
    "GradScaler",
    "autocast",
    "custom_bwd",
    "custom_fwd",
    "get_autocast_dtype",
    "is_autocast_available",
    "is_autocast_enabled",
]
