"""PyTorch's former profiler: the same recordings as plait.profiler, without a schedule."""

from __future__ import annotations

from ..profiler import EventList, FunctionEventAvg, ProfilerActivity, record_function
from ..profiler import profile as _profile
from .profiler_util import FunctionEvent, Kernel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "EventList",
    "FunctionEvent",
    "FunctionEventAvg",
    "Kernel",
    "emit_nvtx",
    "profile",
    "record_function",
]


class profile:
    """Records the ops of a `with`. New programs use plait.profiler.profile, where the arguments are told.

    Args:
        enabled: False: nothing happens.
        use_cuda, use_device: record CUDA devices, too; use_device="cuda" is the newer spelling.
        use_cpu: False: only devices are shown.

    >>> with plait.autograd.profiler.profile() as prof:
    ...     x = plait.ones(3) * 2
    >>> [event.name for event in prof.function_events]
    ['ones', 'mul']
    """

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        acc_events: bool = False,
    ) -> None:
        if use_device not in (None, "cuda"):
            raise ValueError(f"profile: expected use_device 'cuda' or None, got {use_device!r}")
        self.enabled = enabled
        activities = {ProfilerActivity.CPU} if use_cpu else set()
        if use_cuda or use_device:
            activities.add(ProfilerActivity.CUDA)
        self._inner = _profile(
            activities=activities,
            record_shapes=record_shapes,
            with_flops=with_flops,
            profile_memory=profile_memory,
            with_stack=with_stack,
            acc_events=acc_events,
        )

    def __enter__(self) -> profile:
        if self.enabled:
            self._inner.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        if self.enabled:
            self._inner.stop()

    @property
    def function_events(self) -> EventList:
        """All events."""
        return self._inner.events()

    def __str__(self) -> str:
        return str(self.function_events)

    def table(self, *args: Any, **kwargs: Any) -> str:
        """The events as text. See EventList.table."""
        return self.function_events.table(*args, **kwargs)

    def key_averages(self, *args: Any, **kwargs: Any) -> EventList:
        """Sums over the events of a name. See EventList.key_averages."""
        return self.function_events.key_averages(*args, **kwargs)

    def total_average(self) -> FunctionEventAvg:
        """The sum over all events."""
        return self.function_events.total_average()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds of all events on the CPU."""
        return self.function_events.self_cpu_time_total

    def export_chrome_trace(self, path: str) -> None:
        """Writes the events as Chrome trace events."""
        self._inner.export_chrome_trace(path)

    def export_stacks(self, path: str, metric: str = "self_cpu_time_total") -> None:
        """Writes calls and times for flame graph programs."""
        self._inner.export_stacks(path, metric)


class emit_nvtx:
    """Not there: ops do not name themselves to NVIDIA's profilers. Name ranges with plait.cuda.nvtx.range."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        if enabled:
            raise NotImplementedError(
                "emit_nvtx: ops do not name themselves to NVIDIA's profilers; name ranges with "
                "plait.cuda.nvtx.range, or use plait.profiler.profile"
            )

    def __enter__(self) -> emit_nvtx:
        return self

    def __exit__(self, *exc: Any) -> None:
        pass
