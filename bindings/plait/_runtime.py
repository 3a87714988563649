"""Switches and questions of PyTorch's runtime that plait answers in its own way."""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

__all__ = [
    "get_device_module",
    "get_num_interop_threads",
    "is_warn_always_enabled",
    "set_flush_denormal",
    "set_num_interop_threads",
    "set_warn_always",
]


def get_device_module(device: Any = None) -> ModuleType:
    """The module of a device's type, `plait.cuda` or `plait.cpu`; unless given that of the accelerator, if
    there is one.

    >>> plait.get_device_module("cpu") is plait.cpu
    True
    """
    import importlib

    if device is None:
        from .accelerator import current_accelerator

        device = current_accelerator() or "cpu"
    return importlib.import_module(f"plait.{_C.device(device).type}")


_interop_threads = 1


def set_num_interop_threads(num: int) -> None:
    """Kept for `get_num_interop_threads`: ops do not run beside one another unless the program's own threads
    call them."""
    global _interop_threads
    if not isinstance(num, int) or isinstance(num, bool):
        raise TypeError(f"set_num_interop_threads: expected an int, got {type(num).__name__}")
    if num < 1:
        raise _C.ArgumentError(f"set_num_interop_threads: expected a positive number, got {num}")
    _interop_threads = num


def get_num_interop_threads() -> int:
    """What `set_num_interop_threads` was told; 1."""
    return _interop_threads


_warn_always = False


def set_warn_always(b: bool) -> None:
    """Kept for `is_warn_always_enabled`: plait warns through Python's warnings, whose filters say how often
    one is shown."""
    global _warn_always
    _warn_always = bool(b)


def is_warn_always_enabled() -> bool:
    """What `set_warn_always` was told."""
    return _warn_always


def set_flush_denormal(mode: bool) -> bool:
    """Could the CPU be made to take denormal numbers for zero? Never: plait computes with them.

    >>> plait.set_flush_denormal(True)
    False
    """
    return False
