"""What programs import from PyTorch's launcher; plait's is plait.distributed.run."""

from __future__ import annotations

from . import multiprocessing

__all__ = ["multiprocessing"]
