"""What libraries of optimisers take from PyTorch's helpers for lists of tensors."""

from __future__ import annotations

from typing import Any

__all__ = ["_group_tensors_by_device_and_dtype"]


def _group_tensors_by_device_and_dtype(
    tensorlistlist: list[list[Any]], with_indices: bool = False
) -> dict[tuple[Any, Any], tuple[list[list[Any]], list[int]]]:
    """Lists of as many tensors each, split by the device and dtype of the first list's: {(device, dtype):
    (lists, numbers)}. The numbers are those of the entries, or [] without `with_indices`.
    """
    found: dict[tuple[Any, Any], tuple[list[list[Any]], list[int]]] = {}
    for i, entries in enumerate(zip(*tensorlistlist, strict=True)):
        first = entries[0]
        lists, numbers = found.setdefault(
            (first.device, first.dtype), ([[] for _ in tensorlistlist], [])
        )
        for into, entry in zip(lists, entries, strict=True):
            into.append(entry)
        if with_indices:
            numbers.append(i)
    return found
