"""Names for ranges of a program in NVIDIA's profilers. Nothing happens where the package `nvtx` is not
installed (`pip install nvtx`)."""

from __future__ import annotations

import contextlib

try:
    import nvtx as _nvtx
except ImportError:
    _nvtx = None

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = ["mark", "range", "range_end", "range_pop", "range_push", "range_start"]

_depth = 0


def range_push(msg: str) -> int:
    """Begins a range inside the current one; returns how many there were."""
    global _depth
    if _nvtx is not None:
        _nvtx.push_range(msg)
    _depth += 1
    return _depth - 1


def range_pop() -> int:
    """Ends the innermost range; returns how many there are outside of it."""
    global _depth
    if _nvtx is not None:
        _nvtx.pop_range()
    _depth -= 1
    return _depth


def range_start(msg: str) -> Any:
    """Begins a range that `range_end` ends, on any thread; returns what tells it apart."""
    return _nvtx.start_range(msg) if _nvtx is not None else None


def range_end(range_id: Any) -> None:
    """Ends a range that `range_start` began."""
    if _nvtx is not None:
        _nvtx.end_range(range_id)


def mark(msg: str) -> None:
    """A named moment."""
    if _nvtx is not None:
        _nvtx.mark(msg)


@contextlib.contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """A range for the length of a `with`, or of a function as a decorator; `msg` is formatted with the
    rest."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
