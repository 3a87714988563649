"""What libraries take from `torch._utils`: several tensors as one, the module of a device type."""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from plait import Tensor

__all__ = [
    "_flatten_dense_tensors",
    "_get_available_device_type",
    "_get_device_index",
    "_get_device_module",
    "_unflatten_dense_tensors",
]


def _flatten_dense_tensors(tensors: Iterable[Tensor]) -> Tensor:
    """The elements of all tensors, one after the other.

    >>> plait._torch_utils._flatten_dense_tensors([plait.ones(1, 2), plait.zeros(1)])
    tensor([1., 1., 0.])
    """
    return plait.cat([t.reshape(-1) for t in tensors])


def _unflatten_dense_tensors(flat: Tensor, tensors: Iterable[Tensor]) -> tuple[Tensor, ...]:
    """Views of `flat` with the shapes of the tensors, in order."""
    views, start = [], 0
    for t in tensors:
        views.append(flat.narrow(0, start, t.numel()).view(t.shape))
        start += t.numel()
    return tuple(views)


def _get_available_device_type() -> str | None:
    """"cuda" where there is a GPU, else None."""
    return "cuda" if plait.cuda.is_available() else None


def _get_device_module(device_type: str) -> Any:
    """plait.cuda for "cuda"."""
    module = getattr(plait, device_type, None)
    if module is None:
        raise RuntimeError(f"_get_device_module: plait has no module for devices of type {device_type!r}")
    return module


def _get_device_index(device: Any, optional: bool = False, allow_cpu: bool = False) -> int:
    """The index of a device: of the current one where it says none, if `optional`; -1 for the CPU."""
    if isinstance(device, int):
        return device
    if device is not None:
        device = plait.device(device)
        if device.type == "cpu" and allow_cpu:
            return -1
        if device.type != "cuda":
            raise ValueError(f"_get_device_index: expected a CUDA device, got {device}")
        if device.index is not None:
            return device.index
    if not optional:
        raise ValueError(f"_get_device_index: expected an index or a device with one, got {device}")
    return plait.cuda.current_device()
