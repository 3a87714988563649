"""Batches in page-locked memory, from which a CUDA device copies by itself."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def pin_memory(data: Any) -> Any:
    """The same data with its tensors in page-locked memory: tensors, mappings, named tuples, tuples, lists,
    and objects with a method `pin_memory`; anything else is left as it is."""
    from collections.abc import Mapping, Sequence

    import plait

    if isinstance(data, plait.Tensor):
        return data.pin_memory() if data.is_cpu else data
    if data is None or isinstance(data, (str, bytes, int, float)):
        return data
    if hasattr(data, "pin_memory"):
        return data.pin_memory()
    if isinstance(data, Mapping):
        from .collate import _rebuild

        return _rebuild(data, {key: pin_memory(value) for key, value in data.items()})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(pin_memory(value) for value in data))
    if isinstance(data, tuple):
        return tuple(pin_memory(value) for value in data)
    if isinstance(data, Sequence):
        return [pin_memory(value) for value in data]
    return data
