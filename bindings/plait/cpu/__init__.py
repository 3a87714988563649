"""The CPU as a device, for code that takes the module of any: when a call returns, its result is there."""

from __future__ import annotations

from contextlib import nullcontext

from .._missing import placeholders
from . import amp

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "amp",
    "current_device",
    "device_count",
    "is_available",
    "is_initialized",
    "set_device",
    "stream",
    "synchronize",
]


def is_available() -> bool:
    """Always."""
    return True


def is_initialized() -> bool:
    """Always."""
    return True


def device_count() -> int:
    """One: all cores together."""
    return 1


def current_device() -> str:
    """Its name."""
    return "cpu"


def set_device(device: Any) -> None:
    """Changes nothing."""


def synchronize(device: Any = None) -> None:
    """Returns at once: nothing is under way."""


def stream(stream: Any) -> Any:
    """A context manager that changes nothing."""
    return nullcontext(stream)


__getattr__ = placeholders(__name__, ("Stream", "StreamContext", "current_stream"), "the CPU has no streams")
