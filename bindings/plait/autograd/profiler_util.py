"""The events of profiles, where PyTorch has them."""

from __future__ import annotations

from ..profiler import EventList, FunctionEvent, FunctionEventAvg, Kernel
from ..profiler._events import Interval

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval", "Kernel"]
