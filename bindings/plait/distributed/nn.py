"""Collectives that gradients flow through, of one process."""

from __future__ import annotations

from plait import Tensor

from . import ReduceOp, _check_root, _one, _world

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["all_gather", "all_reduce", "all_to_all", "broadcast", "gather", "reduce", "scatter"]


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """The combination over all processes: of one, the tensor's elements."""
    _world()
    return tensor.view_as(tensor)


def reduce(tensor: Tensor, dst: int = 0, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """The combination over all processes, at `dst`."""
    _check_root(dst, "reduce")
    return all_reduce(tensor)


def broadcast(tensor: Tensor, src: int = 0, group: Any = None) -> Tensor:
    """The tensor of process `src`."""
    _check_root(src, "broadcast")
    return all_reduce(tensor)


def all_gather(tensor: Tensor, group: Any = None) -> tuple[Tensor, ...]:
    """The tensors of all processes."""
    return (all_reduce(tensor),)


def gather(tensor: Tensor, dst: int = 0, group: Any = None) -> tuple[Tensor, ...]:
    """The tensors of all processes, at `dst`."""
    _check_root(dst, "gather")
    return all_gather(tensor)


def scatter(tensors: Any, src: int = 0, group: Any = None) -> Tensor:
    """The entry for this process of the list of process `src`."""
    _check_root(src, "scatter")
    return all_reduce(_one(tensors, "scatter"))


def all_to_all(output_tensor_list: Any, input_tensor_list: Any, group: Any = None) -> tuple[Tensor, ...]:
    """One tensor of each process."""
    return (all_reduce(_one(input_tensor_list, "all_to_all")),)
