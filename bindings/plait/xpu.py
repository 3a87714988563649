"""Intel's GPUs, which plait does not run on."""

from . import _absent_device
from ._absent_device import device_count, empty_cache, is_available, manual_seed, manual_seed_all
from ._missing import placeholders

__all__ = ["device_count", "empty_cache", "is_available", "manual_seed", "manual_seed_all"]

__getattr__ = placeholders(__name__, _absent_device.NAMES, _absent_device.WHY)
