"""What takes time and memory: records ops, their derivatives, and the work of devices.

>>> with plait.profiler.profile(profile_memory=True) as prof:
...     x = plait.ones(1000) + 1
>>> add = next(event for event in prof.key_averages() if event.key == "add")
>>> add.count, add.self_cpu_memory_usage >= 4000
(1, True)

Names of events are plait's names of ops (`add`, `add_`); derivatives are named as grad_fn prints
(`MulBackward0`), without a further event around them; leaves add up their gradients in `AccumulateGrad`.
Kernels of a device have their own names; where they cannot be traced, its work is named for the op that gave
it, with the device (`add [cuda:0]`).
"""

from __future__ import annotations

from ._events import DeviceType, EventList, FunctionEvent, FunctionEventAvg, Kernel
from ._profile import (
    ProfilerAction,
    ProfilerActivity,
    _ExperimentalConfig,
    profile,
    schedule,
    supported_activities,
    tensorboard_trace_handler,
)
from ._record_function import record_function

__all__ = [
    "DeviceType",
    "EventList",
    "FunctionEvent",
    "FunctionEventAvg",
    "Kernel",
    "ProfilerAction",
    "ProfilerActivity",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


def kineto_available() -> bool:
    """False: plait records by itself."""
    return False
