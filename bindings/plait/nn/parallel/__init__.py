"""The wrappers of PyTorch that spread a module over processes and devices.

State dicts have the prefix "module." that they have in PyTorch, so that checkpoints go both ways.
"""

from __future__ import annotations

from .data_parallel import DataParallel, data_parallel
from .distributed import DistributedDataParallel
from .scatter_gather import gather, scatter

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "gather", "scatter"]
