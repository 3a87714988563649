"""Containers of tensors split among devices and put together again."""

from __future__ import annotations

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["gather", "scatter", "scatter_kwargs"]


def _device(target: Any) -> Any:
    return (
        plait.device("cuda", target)
        if isinstance(target, int) and target >= 0
        else plait.device("cpu" if isinstance(target, int) else target)
    )


def scatter(inputs: Any, target_gpus: Sequence[Any], dim: int = 0) -> list[Any]:
    """A list with, for each device, the containers of `inputs` with their share of each tensor: equal chunks
    of dimension `dim`, fewer where it is too short. What is no tensor goes to every device.

    >>> from plait.nn.parallel import scatter
    >>> scatter({"x": plait.arange(4), "n": 1}, ["cpu", "cpu"])
    [{'x': tensor([0, 1]), 'n': 1}, {'x': tensor([2, 3]), 'n': 1}]
    """
    devices = [_device(target) for target in target_gpus]
    if not devices:
        raise ValueError("scatter: argument 'target_gpus' must name at least one device")

    def split(value: Any) -> list[Any]:
        if isinstance(value, Tensor):
            return [part.to(device) for part, device in zip(value.chunk(len(devices), dim), devices)]
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return [type(value)(*parts) for parts in zip(*map(split, value))]
        if isinstance(value, (tuple, list)) and value:
            return [type(value)(parts) for parts in zip(*map(split, value))]
        if isinstance(value, dict) and value:
            return [type(value)(zip(value, parts)) for parts in zip(*map(split, value.values()))]
        return [value for _ in devices]

    return split(inputs)


def scatter_kwargs(
    inputs: tuple, kwargs: dict[str, Any] | None, target_gpus: Sequence[Any], dim: int = 0
) -> tuple[tuple, tuple]:
    """The positional and the keyword arguments for each device; as many of the ones as of the others."""
    args = scatter(inputs, target_gpus, dim) if inputs else []
    keywords = scatter(kwargs, target_gpus, dim) if kwargs else []
    count = max(len(args), len(keywords))
    return (
        tuple(args + [()] * (count - len(args))),
        tuple(keywords + [{} for _ in range(count - len(keywords))]),
    )


def gather(outputs: Sequence[Any], target_device: Any, dim: int = 0) -> Any:
    """The containers of several devices as one on `target_device` (-1 or "cpu": the CPU): their tensors are
    concatenated along `dim`, numbers in the place of tensors become vectors.

    >>> from plait.nn.parallel import gather
    >>> gather([{"x": plait.ones(2)}, {"x": plait.zeros(1)}], "cpu")
    {'x': tensor([1., 1., 0.])}
    """
    device = _device(target_device)

    def join(values: Sequence[Any]) -> Any:
        first = values[0]
        if isinstance(first, Tensor):
            parts = [v.reshape(1) if v.dim() == 0 else v for v in values]
            return plait.cat([part.to(device) for part in parts], 0 if first.dim() == 0 else dim)
        if first is None:
            return None
        if isinstance(first, dict):
            if not all(len(v) == len(first) for v in values):
                raise ValueError("gather: all dicts must have the same keys")
            return type(first)((key, join([v[key] for v in values])) for key in first)
        if isinstance(first, tuple) and hasattr(first, "_fields"):
            return type(first)(*map(join, zip(*values)))
        if isinstance(first, (tuple, list)):
            return type(first)(map(join, zip(*values)))
        raise TypeError(f"gather: expected tensors, or containers of them, got {type(first).__name__}")

    return join(list(outputs))
