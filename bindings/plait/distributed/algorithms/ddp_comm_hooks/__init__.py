"""Communication hooks of DistributedDataParallel."""

from __future__ import annotations

from . import default_hooks

__all__ = ["default_hooks"]
