"""What a profile found: events, their tree, and averages of them."""

from __future__ import annotations

import enum
import re
from typing import NamedTuple

from ..autograd.anomaly_mode import _frames
from ._flops import flops_of
from ._table import build_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

MEMORY = "[memory]"


class DeviceType(enum.Enum):
    """Where an event took place."""

    CPU = 0
    CUDA = 1


class Kernel(NamedTuple):
    """A kernel, copy or fill that an op gave a device to do; microseconds. Where kernels are not traced, all
    that the op gave it."""

    name: str
    device: int
    duration: float


class Interval:
    """From `start` to `end`, in microseconds since the profile began."""

    def __init__(self, start: float, end: float) -> None:
        self.start = start
        self.end = end

    def elapsed_us(self) -> float:
        """The length."""
        return self.end - self.start


class _Times:
    """What events and averages have in common: times in microseconds, for the table, too."""

    count: int
    cpu_time_total: float
    self_cpu_time_total: float
    device_time_total: float
    self_device_time_total: float
    device_memory_usage: int
    self_device_memory_usage: int

    @property
    def cpu_time(self) -> float:
        """The mean time of a call on the CPU."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def device_time(self) -> float:
        """The mean time of a call on the device."""
        return self.device_time_total / self.count if self.count else 0.0

    cuda_time = device_time

    @property
    def cuda_time_total(self) -> float:
        """device_time_total, by its former name."""
        return self.device_time_total

    @property
    def self_cuda_time_total(self) -> float:
        """self_device_time_total, by its former name."""
        return self.self_device_time_total

    @property
    def cuda_memory_usage(self) -> int:
        """device_memory_usage, by its former name."""
        return self.device_memory_usage

    @property
    def self_cuda_memory_usage(self) -> int:
        """self_device_memory_usage, by its former name."""
        return self.self_device_memory_usage


class FunctionEvent(_Times):
    """One call of an op, one derivative of a node (`MulBackward0`), one range of record_function, or one
    kernel, copy or fill of a device; where kernels are not traced, a device's work at one op
    (`add [cuda:0]`).

    `cpu_parent` and `cpu_children` make the tree; "self" values leave out what is within children. Times are
    microseconds, memory is bytes, allocated less freed. `sequence_nr` is the same for an op and its
    derivative, -1 for others.

    Of a device's work, `device_index` and `device_resource_id` name the device and the stream, and `details`
    has what the trace file shows: "grid", "block", "registers per thread", "shared memory" of a kernel,
    "bytes" of a copy or a fill, the "correlation" that all kernels of a graph's replay share.
    """

    def __init__(self, raw: tuple, origin: int) -> None:
        kind, number, parent, thread, name, start, end, sequence, cpu_bytes, device_bytes = raw[:10]
        device, stream, _, args, stack = raw[10:]
        self.id: int = number
        self.name: str = name
        self.kind: str = kind
        self.thread: int = thread
        self.fwd_thread: int | None = None
        self.time_range = Interval((start - origin) / 1e3, (end - origin) / 1e3)
        self.sequence_nr: int = sequence or -1
        self.args = args
        self.input_shapes: list | None = None
        self.concrete_inputs: list | None = None
        self.stack: list[str] = [_entry(frame) for frame in reversed(_frames(stack))]
        self.flops = 0
        self.count = 1
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []
        self._made_by: FunctionEvent | None = None  # of a derivative: its op
        self.kernels: list[Kernel] = []
        self.is_user_annotation = kind == "user"
        self.is_async = False
        self.details: dict[str, Any] = {}
        on_device = kind == "device"
        self.device_type = DeviceType.CUDA if on_device else DeviceType.CPU
        self.device_index = int(device.partition(":")[2] or 0) if on_device else -1
        self.device_resource_id = stream if on_device else thread
        self.use_device: str | None = "cuda" if on_device else None
        self._parent_id: int = parent
        self.self_cpu_memory_usage: int = cpu_bytes
        self.self_device_memory_usage: int = device_bytes
        if on_device:
            self.name = f"{name} [{device}]"

    @classmethod
    def _of_activity(cls, activity: tuple, origin: int) -> FunctionEvent:
        """Of what a device's tracer found."""
        kind, name, device, stream, start, end, parent, correlation, graph, grid, block, *sizes = activity
        place = (f"cuda:{device}", stream)
        event = cls(("device", correlation, parent, 0, name, start, end, 0, 0, 0, *place, 0, [], []), origin)
        event.kind = kind
        event.name = short_name(name) if kind == "kernel" else name
        event.details = {"device": device, "stream": stream, "correlation": correlation}
        if graph:
            event.details["graph"] = graph
        registers, static_shared, dynamic_shared, size = sizes
        if kind == "kernel":
            event.details |= {
                "grid": list(grid),
                "block": list(block),
                "registers per thread": registers,
                "shared memory": static_shared + dynamic_shared,
                "name": name,
            }
        else:
            event.details["bytes"] = size
            if end > start:
                event.details["memory bandwidth (GB/s)"] = size / (end - start)
        return event

    @property
    def key(self) -> str:
        """What averages are taken by: the name."""
        return self.name

    @property
    def cpu_time_total(self) -> float:  # type: ignore[override]
        """From the call's begin to its end, on the CPU."""
        return self.time_range.elapsed_us() if self.device_type is DeviceType.CPU else 0.0

    @property
    def self_cpu_time_total(self) -> float:  # type: ignore[override]
        """Without the events within."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def device_time_total(self) -> float:  # type: ignore[override]
        """Of the device, at this and the events within."""
        if self.device_type is DeviceType.CUDA:
            return self.time_range.elapsed_us()
        return self.self_device_time_total + sum(c.device_time_total for c in self.cpu_children)

    @property
    def self_device_time_total(self) -> float:  # type: ignore[override]
        """Of the device, without the events within."""
        if self.device_type is DeviceType.CUDA:
            return self.time_range.elapsed_us()
        return sum(kernel.duration for kernel in self.kernels)

    @property
    def cpu_memory_usage(self) -> int:
        """Bytes of the host that were allocated, less those that were freed."""
        return self.self_cpu_memory_usage + sum(c.cpu_memory_usage for c in self.cpu_children)

    @property
    def device_memory_usage(self) -> int:  # type: ignore[override]
        """Bytes of the device that were allocated, less those that were freed."""
        return self.self_device_memory_usage + sum(c.device_memory_usage for c in self.cpu_children)

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} thread={self.thread} "
            f"start_us={self.time_range.start:.3f} cpu_time={self.cpu_time_total:.3f}us "
            f"device_time={self.device_time_total:.3f}us input_shapes={self.input_shapes}>"
        )


def _entry(frame: Any) -> str:
    return f"{frame.filename}({frame.lineno}): {frame.name}"


class FunctionEventAvg(_Times):
    """Sums over events of one name (and one set of shapes, or one stack)."""

    def __init__(self) -> None:
        self.key = ""
        self.count = 0
        self.input_shapes: list | None = None
        self.stack: list[str] = []
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.device_time_total = self.self_device_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.device_memory_usage = self.self_device_memory_usage = 0
        self.flops = 0
        self.device_type = DeviceType.CPU
        self.use_device: str | None = None
        self.is_user_annotation = False
        self.is_async = False
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Adds an event or another sum."""
        if not self.count:
            self.key = other.key
            self.input_shapes = other.input_shapes
            self.stack = other.stack
            self.device_type = other.device_type
            self.use_device = other.use_device
            self.is_user_annotation = other.is_user_annotation
            self.cpu_parent = other.cpu_parent
            self.cpu_children = other.cpu_children
        self.count += other.count
        for name in (
            "cpu_time_total",
            "self_cpu_time_total",
            "device_time_total",
            "self_device_time_total",
            "cpu_memory_usage",
            "self_cpu_memory_usage",
            "device_memory_usage",
            "self_device_memory_usage",
            "flops",
        ):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    __iadd__ = add

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} count={self.count} "
            f"self_cpu_time={self.self_cpu_time_total:.3f}us cpu_time={self.cpu_time_total:.3f}us "
            f"device_time={self.device_time_total:.3f}us input_shapes={self.input_shapes}>"
        )


class EventList(list):
    """Events, or averages of them, with a table."""

    def __init__(
        self, events: Iterable[Any] = (), *, profile_memory: bool = False, with_flops: bool = False
    ) -> None:
        super().__init__(events)
        self._profile_memory = profile_memory
        self._with_flops = with_flops
        self._memory: list[tuple] = []  # raw
        self._origin = 0  # ns of the steady clock
        self._base_time_ns = 0  # of the day

    def _like(self, events: Iterable[Any]) -> EventList:
        made = EventList(events, profile_memory=self._profile_memory, with_flops=self._with_flops)
        made._memory, made._origin, made._base_time_ns = self._memory, self._origin, self._base_time_ns
        return made

    @property
    def self_cpu_time_total(self) -> float:
        """The time of all events on the CPU, each moment counted once for each thread."""
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(
        self,
        group_by_input_shapes: bool = False,
        group_by_stack_n: int = 0,
        group_by_overload_name: bool = False,
    ) -> EventList:
        """Sums over the events of one name; on request of one name and the same shapes of inputs, or the same
        `group_by_stack_n` innermost calls. Overloads have one name."""
        groups: dict[tuple, FunctionEventAvg] = {}
        for event in self:
            key: tuple = (event.key, event.device_type, event.is_user_annotation)
            if group_by_input_shapes:
                key += (str(event.input_shapes),)
            if group_by_stack_n > 0:
                key += tuple(event.stack[:group_by_stack_n])
            groups.setdefault(key, FunctionEventAvg()).add(event)
        for average in groups.values():
            average.stack = average.stack[:group_by_stack_n]
            if not group_by_input_shapes:
                average.input_shapes = None
        return self._like(groups.values())

    def total_average(self) -> FunctionEventAvg:
        """The sum over all events."""
        total = FunctionEventAvg()
        for event in self:
            total.add(event)
        total.key = "Total"
        total.input_shapes, total.stack = None, []
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int | None = 75,
        max_name_column_width: int | None = 55,
        max_shapes_column_width: int | None = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
        time_unit: str | None = None,
    ) -> str:
        """The events as text, the first `row_limit` (-1: all).

        Args:
            sort_by: a column, largest first: cpu_time, cpu_time_total, self_cpu_time_total, device_time,
                device_time_total, self_device_time_total (cuda_ is taken for device_), cpu_memory_usage,
                self_cpu_memory_usage, device_memory_usage, self_device_memory_usage, count, flops. None: in
                the order of the program.
            time_unit: "s", "ms" or "us" for all times; None: what fits each.
        """
        return build_table(
            self,
            sort_by=sort_by,
            row_limit=row_limit,
            source_width=max_src_column_width,
            name_width=max_name_column_width,
            shapes_width=max_shapes_column_width,
            header=header,
            top_level_only=top_level_events_only,
            time_unit=time_unit,
            memory=self._profile_memory,
            flops=self._with_flops,
        )

    def __str__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: str) -> None:
        """Writes the events for chrome://tracing and https://ui.perfetto.dev; gzipped where the path ends in
        .gz."""
        from ._trace import write_trace

        write_trace(self, path)

    def supported_export_stacks_metrics(self) -> list[str]:
        """What `export_stacks` can measure."""
        return ["self_cpu_time_total", "self_cuda_time_total", "self_device_time_total"]

    def export_stacks(self, path: str, metric: str) -> None:
        """Writes a line for each event: its calls, the outermost first, joined by `;`, and microseconds, as
        flame graph programs read them. Needs with_stack=True."""
        if metric not in self.supported_export_stacks_metrics():
            known = ", ".join(self.supported_export_stacks_metrics())
            raise ValueError(f"export_stacks: expected a metric of {known}; got {metric!r}")
        translation = str.maketrans(" ;\t\n", "____")
        with open(path, "w") as file:
            for event in self:
                value = int(getattr(event, metric))
                if event.stack and value > 0:
                    calls = ";".join(entry.translate(translation) for entry in reversed(event.stack))
                    file.write(f"{calls} {value}\n")


def short_name(kernel: str) -> str:
    """A kernel's name without its parameters, what it returns, and namespaces that say nothing.

    >>> short_name("void plait::cuda::(anonymous namespace)::fill<4, plait::Half>(plait::cuda::Plan, float)")
    'fill<4, Half>'
    """
    name = kernel.replace("(anonymous namespace)::", "").removeprefix("void ")
    name = re.sub(r"\bplait::(cuda::)?(detail::)?", "", name)
    depth = 0
    for i, c in enumerate(name):
        depth += (c == "<") - (c == ">" and name[i - 1] != "-")
        if c == "(" and depth == 0 and i:
            return name[:i]
    return name


def _shape(arg: tuple) -> list:
    kind, data, _ = arg
    if kind == "tensor":
        return list(data)
    return [_shape(item) for item in data] if kind == "list" else []


def build_events(
    raw: list[tuple],
    activities: list[tuple],
    clocks: tuple[int, int],
    *,
    record_shapes: bool,
    profile_memory: bool,
    with_flops: bool,
    cpu: bool = True,
) -> EventList:
    """The events of a recording, in the order of their begin, as a tree.

    `activities`: what the devices did, where that was traced.
    `clocks`: the steady clock and the time of day when the recording began, in ns.
    """
    origin, base = clocks
    events = EventList(profile_memory=profile_memory, with_flops=with_flops)
    events._origin, events._base_time_ns = origin, base
    by_id: dict[int, FunctionEvent] = {}
    for item in raw:
        if item[0] == "memory":
            events._memory.append(item)
            if item[2]:
                continue  # counted by the event around it
            item = (*item[:4], MEMORY, *item[5:13], [], [])
        event = FunctionEvent(item, origin)
        if item[0] not in ("memory", "device"):
            by_id[event.id] = event
        events.append(event)
    events.extend(FunctionEvent._of_activity(activity, origin) for activity in activities)
    events.sort(key=lambda e: (e.time_range.start, -e.time_range.end, e.id))
    forward: dict[tuple[int, int], FunctionEvent] = {}
    for event in events:
        parent = by_id.get(event._parent_id)
        if event.device_type is DeviceType.CUDA:
            if parent is not None:
                parent.kernels.append(
                    Kernel(event.name, event.device_index, event.time_range.elapsed_us())
                )
                parent.use_device = "cuda"
                event.thread = parent.thread
            continue
        if parent is not None:
            event.cpu_parent = parent
            parent.cpu_children.append(event)
            if not event.stack:
                event.stack = parent.stack
        if event.kind == "op":
            if event.sequence_nr > 0:
                forward[event.thread, event.sequence_nr] = event
        elif event.kind == "backward":
            made_by = forward.get((event.thread, event.sequence_nr)) or _only(forward, event.sequence_nr)
            if made_by is not None:
                event._made_by = made_by
                event.fwd_thread = made_by.thread
                event.stack = made_by.stack
        if with_flops and event.kind == "op":
            event.flops = flops_of(event.name, event.args)
        if record_shapes:
            event.input_shapes = [_shape(arg) for arg in event.args]
            event.concrete_inputs = [list(a[1]) if a[0] == "ints" else [] for a in event.args]
    if not cpu:
        kept = events._like(e for e in events if e.device_type is DeviceType.CUDA)
        return kept
    return events


def _only(forward: dict[tuple[int, int], FunctionEvent], sequence: int) -> FunctionEvent | None:
    """The op of that number, where it was recorded by another thread than its derivative, and by one only."""
    if sequence < 0:
        return None
    found = [event for (_, number), event in forward.items() if number == sequence]
    return found[0] if len(found) == 1 else None
