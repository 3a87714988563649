"""The device beside the CPU, whatever its kind: CUDA's where there is one."""

from __future__ import annotations

from . import _C, cuda

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "current_accelerator",
    "current_device_idx",
    "current_device_index",
    "device_count",
    "empty_cache",
    "is_available",
    "set_device_idx",
    "set_device_index",
    "synchronize",
]


def is_available() -> bool:
    """Is there an accelerator?

    >>> plait.accelerator.is_available()
    False
    """
    return cuda.is_available()


def current_accelerator(check_available: bool = False) -> _C.device | None:
    """The accelerator's device, without an index; None where there is none.

    >>> print(plait.accelerator.current_accelerator())
    None
    """
    return _C.device("cuda") if cuda.is_available() else None


def device_count() -> int:
    """The number of accelerators."""
    return cuda.device_count()


def _needed(name: str) -> None:
    if not is_available():
        raise RuntimeError(f"accelerator.{name}: there is no accelerator; use device='cpu'")


def current_device_index() -> int:
    """The index of the current accelerator. Raises RuntimeError where there is none."""
    _needed("current_device_index")
    return cuda.current_device()


def set_device_index(device: Any) -> None:
    """Makes an accelerator the current one. Raises RuntimeError where there is none."""
    _needed("set_device_index")
    cuda.set_device(device)


current_device_idx, set_device_idx = current_device_index, set_device_index


def synchronize(device: Any = None) -> None:
    """Waits for an accelerator. Raises RuntimeError where there is none."""
    _needed("synchronize")
    cuda.synchronize(device)


def empty_cache() -> None:
    """Gives cached memory of the accelerator back."""
    cuda.empty_cache()
