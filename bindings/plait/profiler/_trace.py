"""Profiles as Chrome trace events (the Trace Event Format), which Perfetto and TensorBoard read, too."""

from __future__ import annotations

import gzip
import json
import os
import threading
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._events import EventList, FunctionEvent

_CATEGORIES = {
    "op": "cpu_op",
    "backward": "cpu_op",
    "user": "user_annotation",
    "device": "kernel",
    "kernel": "kernel",
    "copy": "gpu_memcpy",
    "fill": "gpu_memset",
}
_ON_DEVICE = ("device", "kernel", "copy", "fill")


def _args(event: FunctionEvent) -> dict[str, Any]:
    if event.kind in _ON_DEVICE:
        return {"External id": event._parent_id, **event.details}
    args: dict[str, Any] = {"External id": event.id}
    if event.sequence_nr >= 0:
        args["Sequence number"] = event.sequence_nr
    if event.fwd_thread is not None:
        args["Fwd thread id"] = event.fwd_thread
    if event.input_shapes is not None:
        args["Input Dims"] = event.input_shapes
        args["Input type"] = [a[2] for a in event.args]
        args["Concrete Inputs"] = event.concrete_inputs
    if event.flops:
        args["Flops"] = event.flops
    if event.stack:
        args["Call stack"] = ";".join(event.stack)
    return args


def _place(event: FunctionEvent, process: int) -> dict[str, Any]:
    """The row: of a thread, or of a device's stream."""
    if event.kind in _ON_DEVICE:
        return {"pid": event.device_index, "tid": event.device_resource_id}
    return {"pid": process, "tid": event.thread}


def trace_events(events: EventList) -> list[dict[str, Any]]:
    """What the trace lists: names of rows, events, arrows from forward to backward and to devices, memory."""
    process = os.getpid()
    out: list[dict[str, Any]] = [
        {"ph": "M", "name": "process_name", "pid": process, "tid": 0, "ts": 0, "args": {"name": "python"}},
        {"ph": "M", "name": "process_labels", "pid": process, "tid": 0, "ts": 0, "args": {"labels": "CPU"}},
    ]
    on_device = [e for e in events if e.kind in _ON_DEVICE]
    for device in sorted({e.device_index for e in on_device}):
        out.append(
            {"ph": "M", "name": "process_name", "pid": device, "tid": 0, "ts": 0,
             "args": {"name": f"cuda:{device}"}}
        )  # fmt: skip
    for device, stream in sorted({(e.device_index, e.device_resource_id) for e in on_device}):
        out.append(
            {"ph": "M", "name": "thread_name", "pid": device, "tid": stream, "ts": 0,
             "args": {"name": f"stream {stream}"}}
        )  # fmt: skip
    names = {t.native_id: t.name for t in threading.enumerate()}
    for thread in sorted({e.thread for e in events if e.kind not in _ON_DEVICE}):
        name = names.get(thread, "thread")
        out.append(
            {"ph": "M", "name": "thread_name", "pid": process, "tid": thread, "ts": 0,
             "args": {"name": f"{name} {thread}"}}
        )  # fmt: skip

    forward: dict[tuple[int, int], FunctionEvent] = {}
    by_id = {e.id: e for e in events if e.id}
    arrows = 0
    for event in events:
        if event.kind == "memory":
            continue
        at = {"ts": event.time_range.start, **_place(event, process)}
        out.append(
            {
                "ph": "X",
                "cat": _CATEGORIES[event.kind],
                "name": event.name,
                "dur": event.time_range.elapsed_us(),
                "args": _args(event),
                **at,
            }
        )
        source = None
        if event.kind == "op" and event.sequence_nr >= 0:
            forward[event.thread, event.sequence_nr] = event
        elif event.kind == "backward" and event.fwd_thread is not None:
            source, name = forward.get((event.fwd_thread, event.sequence_nr)), "fwdbwd"
        elif event.kind in _ON_DEVICE:
            source, name = by_id.get(event._parent_id), "ac2g"
        if source is not None:
            arrows += 1
            start = {"ts": source.time_range.start, **_place(source, process)}
            out.append({"ph": "s", "id": arrows, "cat": name, "name": name, **start})
            out.append({"ph": "f", "bp": "e", "id": arrows, "cat": name, "name": name, **at})
    for item in events._memory:
        thread, start, device = item[3], item[5], item[10]
        out.append(
            {
                "ph": "i",
                "cat": "cpu_instant_event",
                "s": "t",
                "name": "[memory]",
                "pid": process,
                "tid": thread,
                "ts": (start - events._origin) / 1e3,
                "args": {
                    "Device": device,
                    "Addr": item[11],
                    "Bytes": item[8] + item[9],
                    "Total Allocated": item[12],
                },
            }
        )
    return out


def write_trace(events: EventList, path: str, metadata: dict[str, Any] | None = None) -> None:
    """Writes the JSON; gzipped where the path ends in .gz."""
    document = {
        "schemaVersion": 1,
        "displayTimeUnit": "ms",
        "baseTimeNanoseconds": events._base_time_ns,
        **(metadata or {}),
        "traceEvents": trace_events(events),
    }
    text = json.dumps(document)
    if str(path).endswith(".gz"):
        with gzip.open(path, "wt") as file:
            file.write(text)
    else:
        Path(path).write_text(text)
