"""The former names of plait.amp's classes, for CUDA."""

from __future__ import annotations

from .. import amp
from ..amp import custom_bwd, custom_fwd

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._C import dtype

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]


class autocast(amp.autocast):
    """plait.amp.autocast("cuda", ...)."""

    def __init__(self, enabled: bool = True, dtype: dtype | None = None, cache_enabled: bool = True):
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(amp.GradScaler):
    """plait.amp.GradScaler("cuda", ...)."""

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ):
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
