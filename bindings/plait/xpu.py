"""Intel's GPUs, which plait does not run on."""

from __future__ import annotations

from ._missing import placeholders

__all__ = ["device_count", "is_available"]


def is_available() -> bool:
    """Is there such a device? No.

    >>> plait.xpu.is_available()
    False
    """
    return False


def device_count() -> int:
    """0."""
    return 0


def empty_cache() -> None:
    """Nothing: there is no device."""


def manual_seed_all(seed: int) -> None:
    """Nothing: there is no device."""


manual_seed = manual_seed_all

__getattr__ = placeholders(
    __name__,
    ("current_device", "get_device_name", "get_device_properties", "set_device", "synchronize", "Stream"),
    "plait runs on the CPU and on CUDA's GPUs",
)
