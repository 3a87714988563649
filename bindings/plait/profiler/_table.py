"""The text of a profile's table."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_UNITS = {"s": 1e6, "ms": 1e3, "us": 1.0}
_SORTS = (
    "cpu_time",
    "cpu_time_total",
    "self_cpu_time_total",
    "device_time",
    "device_time_total",
    "self_device_time_total",
    "cpu_memory_usage",
    "self_cpu_memory_usage",
    "device_memory_usage",
    "self_device_memory_usage",
    "count",
    "flops",
)


def format_time(us: float, unit: str | None = None) -> str:
    """Microseconds as text.

    >>> format_time(12), format_time(2500), format_time(2500, "us")
    ('12.000us', '2.500ms', '2500.000us')
    """
    if unit is None:
        unit = "s" if us >= 1e6 else "ms" if us >= 1e3 else "us"
    return f"{us / _UNITS[unit]:.3f}{unit}"


def format_memory(size: int) -> str:
    """Bytes as text.

    >>> format_memory(2048), format_memory(-12)
    ('2.00 KB', '-12 B')
    """
    for unit, width in (("GB", 30), ("MB", 20), ("KB", 10)):
        if abs(size) >= 1 << width:
            return f"{size / (1 << width):.2f} {unit}"
    return f"{size} B"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole > 0 else "0.00%"


def _cut(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else text[: width - 3] + "..."


def _cut_left(text: str, width: int | None) -> str:
    return text if width is None or len(text) <= width else "..." + text[len(text) - width + 3 :]


def build_table(
    events: Any,
    *,
    sort_by: str | None,
    row_limit: int,
    source_width: int | None,
    name_width: int | None,
    shapes_width: int | None,
    header: str | None,
    top_level_only: bool,
    time_unit: str | None,
    memory: bool,
    flops: bool,
) -> str:
    """See EventList.table."""
    if time_unit is not None and time_unit not in _UNITS:
        raise ValueError(f"table: expected time_unit 's', 'ms', 'us' or None, got {time_unit!r}")
    if not events:
        return ""
    # Shares are of everything, also where only some rows are shown.
    cpu_total = sum(e.self_cpu_time_total for e in events)
    on_device = [e for e in events if e.device_type.name == "CUDA"]
    device_total = sum(e.self_device_time_total for e in on_device)
    rows = list(events)
    if top_level_only:
        rows = [e for e in rows if e.cpu_parent is None]
    if sort_by is not None:
        key = sort_by.replace("cuda", "device")
        if key not in _SORTS:
            raise ValueError(f"table: expected sort_by to be one of {', '.join(_SORTS)}; got {sort_by!r}")
        rows.sort(key=lambda e: getattr(e, key), reverse=True)
    if row_limit >= 0:
        rows = rows[:row_limit]

    def time(us: float) -> str:
        return format_time(us, time_unit)

    Column = tuple[str, str, "Callable[[Any], str]"]
    columns: list[Column] = [
        ("Name", "<", lambda e: _cut(e.key, name_width)),
        ("Self CPU %", ">", lambda e: _share(e.self_cpu_time_total, cpu_total)),
        ("Self CPU", ">", lambda e: time(e.self_cpu_time_total)),
        ("CPU total %", ">", lambda e: _share(e.cpu_time_total, cpu_total)),
        ("CPU total", ">", lambda e: time(e.cpu_time_total)),
        ("CPU time avg", ">", lambda e: time(e.cpu_time)),
    ]
    if on_device:
        columns += [
            ("Self CUDA", ">", lambda e: time(e.self_device_time_total)),
            ("Self CUDA %", ">", lambda e: _share(e.self_device_time_total, device_total)),
            ("CUDA total", ">", lambda e: time(e.device_time_total)),
            ("CUDA time avg", ">", lambda e: time(e.device_time)),
        ]
    if memory:
        columns += [
            ("CPU Mem", ">", lambda e: format_memory(e.cpu_memory_usage)),
            ("Self CPU Mem", ">", lambda e: format_memory(e.self_cpu_memory_usage)),
        ]
        if any(e.self_device_memory_usage for e in events):
            columns += [
                ("CUDA Mem", ">", lambda e: format_memory(e.device_memory_usage)),
                ("Self CUDA Mem", ">", lambda e: format_memory(e.self_device_memory_usage)),
            ]
    columns.append(("# of Calls", ">", lambda e: str(e.count)))
    if any(e.input_shapes for e in events):
        columns.append(("Input Shapes", "<", lambda e: _cut(str(e.input_shapes or []), shapes_width)))
    if any(e.stack for e in events):
        columns.append(
            ("Source Location", "<", lambda e: _cut_left(e.stack[0] if e.stack else "", source_width))
        )
    if flops and any(e.flops for e in events):
        columns.append(("Total MFLOPs", ">", lambda e: f"{e.flops / 1e6:.3f}" if e.flops else "--"))

    cells = [[text(e) for _, _, text in columns] for e in rows]
    widths = [
        max([len(title), *(len(row[i]) for row in cells)]) for i, (title, _, _) in enumerate(columns)
    ]
    rule = "  ".join("-" * width for width in widths)
    lines = []
    if header is not None:
        lines += ["=" * len(rule), header]
    if top_level_only:
        lines += ["=" * len(rule), "Only events that are within no other one"]
    lines += [rule, "  ".join(f"{title:>{w}}" for (title, _, _), w in zip(columns, widths)), rule]
    for row in cells:
        lines.append(
            "  ".join(f"{cell:{align}{w}}" for cell, (_, align, _), w in zip(row, columns, widths)).rstrip()
        )
    lines += [rule, f"Self CPU time total: {time(cpu_total)}"]
    if on_device:
        lines.append(f"Self CUDA time total: {time(device_total)}")
    return "\n".join(lines) + "\n"
