"""The former name of plait.amp.autocast, for the CPU."""

from __future__ import annotations

from .. import amp
from ..amp import GradScaler

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .._C import dtype

__all__ = ["GradScaler", "autocast"]


class autocast(amp.autocast):
    """plait.amp.autocast("cpu", ...)."""

    def __init__(self, enabled: bool = True, dtype: dtype | None = None, cache_enabled: bool = True):
        super().__init__("cpu", dtype, enabled, cache_enabled)
