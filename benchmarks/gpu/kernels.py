"""Which kernels take the time: one profiled step of a case, by plait's profiler and by PyTorch's.

A profiler may leave a process slower than it was. So all figures are taken and written first; then other
processes set the cases up once more, those first that are furthest behind PyTorch, and each is asked for
one step. Whatever goes wrong there is a line in the table. Busy time is the device's, the times of kernels
that overlap counted once; its share is of the step that was timed without a profiler.
"""

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from report import quantity

from . import driver
from .cases import Case, selected
from .report import ratio, value

Row = dict[str, Any]
# Training, and the ops whose work is, or might be, more than one kernel.
PATTERNS = (
    "training",
    "decoding",
    "norm",
    "loss",
    "optimiser",
    "attention",
    "matmul/linear + gelu*",
    "convolution/batch norm*",
)
SHARE = 0.15  # of the time of a run at most is kept for this, and
EACH = 2.5  # seconds for each case
AT_MOST = 20.0  # seconds for one system in a case: then it hangs
FAILURES = 2  # after so many a system is not asked again
SHOWN = 12  # kernels in a table
OPS = 3  # names of ops beside a kernel
WIDTH = 140  # of a name
RANGES = ("Optimizer.", "ProfilerStep")  # what PyTorch shows as a device's, and is none of its work


# --- in the worker ----------------------------------------------------------------------------------------


def short(name: str) -> str:
    """A kernel's name without its parameters and what it returns.

    >>> short("void at::native::fill<4, at::native::Op(float)>(int, at::native::Op(float))")
    'at::native::fill<4, at::native::Op(float)>'
    """
    name = name.removeprefix("void ").replace("(anonymous namespace)::", "")
    if name.startswith(("Memcpy ", "Memset ")):
        return name
    depth = 0
    for i, c in enumerate(name):
        depth += (c == "<") - (c == ">" and name[i - 1] != "-")
        if c == "(" and depth == 0 and i:
            return name[:i]
    return name


def busy(ranges: Iterable[tuple[float, float]]) -> float:
    """How long at least one of the ranges goes on.

    >>> busy([(0, 2), (1, 3), (5, 6)])
    4.0
    """
    total, until = 0.0, float("-inf")
    for start, end in sorted(ranges):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def profiled(lib: Any, run: Callable[[], Any], wait: Callable[[], None]) -> dict[str, Any]:
    """One call of `run`: its kernels by their time, the most first, in seconds."""
    activity = lib.profiler.ProfilerActivity
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        wait()
        with lib.profiler.profile(activities=[activity.CPU, activity.CUDA]) as prof:
            run()
            wait()
        events = prof.events()
    works = [e for e in events if e.device_type.name == "CUDA" and not e.name.startswith(RANGES)]
    works = [e for e in works if not getattr(e, "is_user_annotation", False)]
    if not works:
        raise RuntimeError("the profiler saw no kernel")
    kernels: dict[str, Row] = {}
    for work in works:
        name = short(work.name)
        entry = kernels.setdefault(name, {"name": name, "calls": 0, "seconds": 0.0, "ops": {}})
        entry["calls"] += 1
        entry["seconds"] += (work.time_range.end - work.time_range.start) / 1e6
    for event in events:
        for kernel in event.kernels if event.device_type.name == "CPU" else ():
            counts = kernels.get(short(kernel.name), {}).get("ops", {})
            counts[event.name] = counts.get(event.name, 0) + 1
    found = sorted(kernels.values(), key=lambda entry: -entry["seconds"])
    for entry in found:  # those that launch it most often
        entry["ops"] = sorted(entry["ops"], key=lambda name, counts=entry["ops"]: -counts[name])[:OPS]
    rest = found[SHOWN:]
    reply = {
        "busy": busy((e.time_range.start, e.time_range.end) for e in works) / 1e6,
        "seconds": sum(entry["seconds"] for entry in found),
        "launches": len(works),
        "kernels": found[:SHOWN],
        "rest": {
            "kinds": len(rest),
            "calls": sum(entry["calls"] for entry in rest),
            "seconds": sum(entry["seconds"] for entry in rest),
        },
    }
    notes = [str(w.message) for w in said if "profile" in str(w.message)]
    return reply | ({"note": notes[0]} if notes else {})


# --- in the driver ----------------------------------------------------------------------------------------


def chosen(cases: dict[str, Case], patterns: Iterable[str]) -> dict[str, Case]:
    """The cases that are profiled; none without a pattern."""
    wanted = list(patterns)
    return {key: case for key, case in cases.items() if wanted and selected(key, wanted)}


def reserve(budget: float, count: int) -> float:
    """Seconds of a run that are kept for so many cases."""
    return min(SHARE * budget, EACH * count)


def by_need(rows: dict[str, Row], keys: Iterable[str], subject: str) -> list[str]:
    """Those first that are furthest behind PyTorch; those without a figure of both last."""

    def need(key: str) -> float:
        return ratio(rows[key], subject, "torch") or float("inf")

    return sorted((key for key in keys if "skipped" not in rows.get(key, {"skipped": ""})), key=need)


def ask_all(
    cases: dict[str, Case],
    rows: dict[str, Row],
    systems: dict[str, driver.System],
    subject: str,
    deadline: float,
    put: Callable[[Row], None],
) -> None:
    """A row for each case has "kernels" afterwards, by system; `put` is called with it. Nothing is raised."""
    failures = dict.fromkeys(systems, 0)
    for key in by_need(rows, cases, subject):
        if rows[key].get("kernels"):
            continue  # of a run that was resumed
        found: dict[str, Row] = {}
        begin = time.monotonic()
        for label, system in systems.items():
            if value(rows[key], label) is None:
                continue  # it failed, was wrong, or is not asked in this case
            left = deadline - time.monotonic()
            if failures[label] >= FAILURES or left < 1:
                continue
            reply = system.try_ask(time.monotonic() + min(AT_MOST, left), "kernels", case=key)
            failures[label] += "error" in reply and system.process is None
            if failures[label] >= FAILURES:
                reply["error"] += "; not asked again"
            found[label] = reply
        if not found:
            continue
        put(rows[key] | {"kernels": found})
        said = ", ".join(f"{label} {summary(reply)}" for label, reply in found.items())
        print(f"kernels of {key} ({time.monotonic() - begin:.1f} s): {said}", flush=True)


def summary(found: Row) -> str:
    """A line of a breakdown."""
    if "error" in found:
        return found["error"].splitlines()[0][:150]
    return f"{found['launches']} launches, {quantity(found['busy'], 's')} busy"


def cell(text: str) -> str:
    """For a table of Markdown; names of templates can fill pages."""
    text = text if len(text) <= WIDTH else text[: WIDTH - 3] + "..."
    return text.replace("|", "\\|")


def overview(rows: list[Row], subject: str) -> Iterator[str]:
    """A line for each case: how much of the step the device works, and at how many pieces."""
    labels = list(dict.fromkeys(label for row in rows for label in row["kernels"]))
    heads = ["case", f"torch / {subject}"]
    heads += [f"{label}: {what}" for label in labels for what in ("step", "busy", "share", "launches")]
    yield "| " + " | ".join(heads) + " |"
    yield "|---" * len(heads) + "|"
    for row in rows:
        found = ratio(row, subject, "torch")
        cells = [row["key"], f"{found:.2f}x" if found else ""]
        for label in labels:
            step, breakdown = value(row, label), row["kernels"].get(label, {"error": "not asked"})
            cells.append(quantity(step, "s"))
            if "error" in breakdown:
                cells += ["", "", ""]
                continue
            share = f"{breakdown['busy'] / step:.0%}" if step else ""
            cells += [quantity(breakdown["busy"], "s"), share, str(breakdown["launches"])]
        yield "| " + " | ".join(cells) + " |"


def table(row: Row, label: str, found: Row) -> Iterator[str]:
    """The kernels of one system in a case."""
    if "error" in found:
        yield f"{label}: error: {found['error'].splitlines()[0][:300]}"
        return
    yield f"{label}: {summary(found)}"
    if "note" in found:
        yield f"({found['note']})"
    yield ""
    yield "| kernel | calls | total us | share | us per call | of |"
    yield "|---|---|---|---|---|---|"
    whole = found["seconds"] or 1.0
    rest = found["rest"]
    entries = [
        *found["kernels"],
        *([{"name": f"{rest['kinds']} others", **rest, "ops": []}] if rest["kinds"] else []),
    ]
    for entry in entries:
        us = 1e6 * entry["seconds"]
        cells = [cell(entry["name"]), str(entry["calls"]), f"{us:.1f}", f"{entry['seconds'] / whole:.1%}"]
        cells += [f"{us / entry['calls']:.2f}", cell(", ".join(entry["ops"]))]
        yield "| " + " | ".join(cells) + " |"


def markdown(result: dict[str, Any]) -> str:
    """All breakdowns of a result; empty without one."""
    rows = [row for row in result["rows"] if row.get("kernels")]
    if not rows:
        return ""
    lines = [f"# Kernels: {result['gpu']}, {result['date'][:10]}", ""]
    if result["dry"]:
        lines += ["**A dry run at tiny sizes: none of these figures measures a GPU.**", ""]
    lines += ["One profiled step of each case, after all figures were taken (docs/design/cuda.md).", ""]
    lines += overview(rows, result["subject"])
    for row in rows:
        found = ratio(row, result["subject"], "torch")
        lines += ["", f"## {row['key']}" + (f" ({found:.2f}x torch)" if found else "")]
        for label, breakdown in row["kernels"].items():
            lines += ["", *table(row, label, breakdown)]
    return "\n".join(lines) + "\n"
