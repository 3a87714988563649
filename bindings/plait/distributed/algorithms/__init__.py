"""Communication hooks of DistributedDataParallel: `ddp_comm_hooks.default_hooks`."""

from __future__ import annotations

from . import ddp_comm_hooks

__all__ = ["ddp_comm_hooks"]
