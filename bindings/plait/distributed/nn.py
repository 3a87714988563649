"""Collectives that gradients flow through: a process's loss may depend on the tensors of others.

What backward sums are the gradients of the losses of all processes: each calls backward, too.
"""

from __future__ import annotations

import plait
from plait import Tensor

from ..autograd import Function
from . import _collectives as _c
from ._groups import ProcessGroup, ReduceOp, _get_default_group, _root_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "all_gather",
    "all_reduce",
    "all_to_all",
    "all_to_all_single",
    "broadcast",
    "gather",
    "reduce",
    "reduce_scatter",
    "scatter",
]


def _group(group: Any) -> ProcessGroup:
    return _get_default_group() if group is None else group


class _AllReduce(Function):
    @staticmethod
    def forward(ctx: Any, group: Any, op: Any, tensor: Tensor) -> Tensor:
        ctx.group, ctx.op = group, op
        out = tensor.clone(memory_format=plait.contiguous_format)
        _c.all_reduce(out, op, group)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return None, None, _AllReduce.apply(ctx.group, ctx.op, grad)


class _Reduce(Function):
    @staticmethod
    def forward(ctx: Any, group: Any, root: int, op: Any, tensor: Tensor) -> Tensor:
        ctx.group, ctx.root = group, root
        out = tensor.clone(memory_format=plait.contiguous_format)
        _c.reduce(out, op=op, group=group, group_dst=root)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return None, None, None, _Broadcast.apply(ctx.group, ctx.root, grad)


class _Broadcast(Function):
    @staticmethod
    def forward(ctx: Any, group: Any, root: int, tensor: Tensor) -> Tensor:
        ctx.group, ctx.root = group, root
        out = tensor.clone(memory_format=plait.contiguous_format)
        _c.broadcast(out, group=group, group_src=root)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        summed = _Reduce.apply(ctx.group, ctx.root, ReduceOp.SUM, grad)
        return None, None, summed if ctx.group.rank() == ctx.root else plait.zeros_like(grad)


class _AllToAll(Function):
    """Flat tensors, with the numbers of elements for each process."""

    @staticmethod
    def forward(ctx: Any, group: Any, takes: list[int], sends: list[int], tensor: Tensor) -> Tensor:
        ctx.group, ctx.takes, ctx.sends = group, takes, sends
        out = plait.empty((sum(takes),), dtype=tensor.dtype, device=tensor.device)
        _c.all_to_all_single(out, tensor.contiguous(), takes, sends, group)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return None, None, None, _AllToAll.apply(ctx.group, ctx.sends, ctx.takes, grad.contiguous())


class _ReduceScatter(Function):
    @staticmethod
    def forward(ctx: Any, group: Any, op: Any, tensor: Tensor) -> Tensor:
        ctx.group = group
        out = plait.empty(tensor.shape[1:], dtype=tensor.dtype, device=tensor.device)
        _c.reduce_scatter_tensor(out, tensor.contiguous(), op, group)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return None, None, _AllGather.apply(ctx.group, grad)


class _AllGather(Function):
    """The tensors of all processes, along a new first dimension."""

    @staticmethod
    def forward(ctx: Any, group: Any, tensor: Tensor) -> Tensor:
        ctx.group = group
        out = plait.empty((group.size(), *tensor.shape), dtype=tensor.dtype, device=tensor.device)
        _c.all_gather_into_tensor(out, tensor.contiguous(), group)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Any:
        return None, _ReduceScatter.apply(ctx.group, ReduceOp.SUM, grad)


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """The combination over all processes."""
    return _AllReduce.apply(_group(group), op, tensor)  # type: ignore[no-any-return]


def reduce(tensor: Tensor, dst: int, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """The combination over all processes, at `dst`; elsewhere it is undefined."""
    made = _group(group)
    return _Reduce.apply(made, _root_of(made, "reduce", dst, None), op, tensor)  # type: ignore[no-any-return]


def broadcast(tensor: Tensor, src: int, group: Any = None) -> Tensor:
    """The tensor of process `src`."""
    made = _group(group)
    return _Broadcast.apply(made, _root_of(made, "broadcast", src, None), tensor)  # type: ignore[no-any-return]


def all_gather(tensor: Tensor, group: Any = None) -> tuple[Tensor, ...]:
    """The tensors of all processes."""
    return tuple(_AllGather.apply(_group(group), tensor).unbind(0))


def gather(tensor: Tensor, dst: int = 0, group: Any = None) -> tuple[Tensor, ...]:
    """The tensors of all processes, at `dst`; elsewhere zeros."""
    made = _group(group)
    root, n = _root_of(made, "gather", dst, None), made.size()
    mine = made.rank() == root
    sends = [tensor.numel() if r == root else 0 for r in range(n)]
    out = _AllToAll.apply(made, [tensor.numel() if mine else 0] * n, sends, tensor.reshape(-1))
    if mine:
        return tuple(part.view(tensor.shape) for part in out.view(n, -1).unbind(0))
    # Nothing came, but backward has to come by here: it takes part in the gradient's way back.
    return tuple(plait.zeros_like(tensor) + out.sum() for _ in range(n))


def scatter(tensors: Any, src: int = 0, group: Any = None) -> Tensor:
    """The entry for this process of the list of process `src`. The others give a list, too, of tensors of the
    same shape."""
    made = _group(group)
    root, n = _root_of(made, "scatter", src, None), made.size()
    if len(tensors) != n:
        raise ValueError(f"scatter: expected a list of {n}, one for each process, got {len(tensors)}")
    own = tensors[made.rank()]
    sends = [t.numel() if made.rank() == root else 0 for t in tensors]
    flat = plait.cat([t.reshape(-1) for t in tensors])
    takes = [own.numel() if r == root else 0 for r in range(n)]
    given = flat if made.rank() == root else flat[:0]
    return _AllToAll.apply(made, takes, sends, given).view(own.shape)  # type: ignore[no-any-return]


def reduce_scatter(output: Tensor, input_list: Any, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """This process's entry of the lists of all processes, combined; `output` has its shape."""
    made = _group(group)
    if len(input_list) != made.size():
        raise ValueError(f"reduce_scatter: expected a list of {made.size()}, got {len(input_list)}")
    return _ReduceScatter.apply(made, op, plait.stack(list(input_list)))  # type: ignore[no-any-return]


def all_to_all(output_tensor_list: Any, input_tensor_list: Any, group: Any = None) -> tuple[Tensor, ...]:
    """One tensor of each process, of the shapes of the first list; process i gets entry i of the second."""
    made = _group(group)
    for name, tensors in (
        ("output_tensor_list", output_tensor_list),
        ("input_tensor_list", input_tensor_list),
    ):
        if len(tensors) != made.size():
            raise ValueError(f"all_to_all: expected {name} to be a list of {made.size()}, got {len(tensors)}")
    takes, sends = [t.numel() for t in output_tensor_list], [t.numel() for t in input_tensor_list]
    out = _AllToAll.apply(made, takes, sends, plait.cat([t.reshape(-1) for t in input_tensor_list]))
    return tuple(part.view(t.shape) for part, t in zip(out.split(takes), output_tensor_list))


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Any = None,
    input_split_sizes: Any = None,
    group: Any = None,
) -> Tensor:
    """Part i of the input's rows goes to process i, and one comes of each; `output` has the result's
    shape."""
    made = _group(group)
    takes = _c._row_counts(output, output_split_sizes, made.size(), "output")
    sends = _c._row_counts(input, input_split_sizes, made.size(), "input")
    return _AllToAll.apply(made, takes, sends, input.reshape(-1)).view(output.shape)  # type: ignore[no-any-return]
