"""What plait.mps and plait.xpu have: a kind of device that plait does not run on."""

from __future__ import annotations

__all__ = ["NAMES", "WHY", "device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all"]

NAMES = ("current_device", "get_device_name", "get_device_properties", "set_device", "synchronize", "Stream")
WHY = "plait runs on the CPU and on CUDA's GPUs"


def is_available() -> bool:
    """Is there such a device? No.

    >>> plait.mps.is_available()
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
