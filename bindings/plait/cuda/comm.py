"""Copies of tensors to several devices, and sums of those of several: from one process, without a process
group.

The devices may be any; tensors of one process group are what plait.distributed sends.
"""

from __future__ import annotations

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .._C import Tensor

__all__ = [
    "broadcast",
    "broadcast_coalesced",
    "gather",
    "reduce_add",
    "reduce_add_coalesced",
    "scatter",
]


def _device(given: Any) -> _C.device:
    return _C.device("cuda", given) if isinstance(given, int) else _C.device(given)


def _targets(who: str, devices: Any, out: Sequence[Tensor] | None) -> list[Any]:
    if (devices is None) == (out is None):
        raise _C.ArgumentError(f"cuda.comm.{who}: expected devices or out, and not both")
    return [_device(d) for d in devices] if out is None else [t.device for t in out]


def broadcast(
    tensor: Tensor, devices: Sequence[Any] | None = None, *, out: Sequence[Tensor] | None = None
) -> tuple[Tensor, ...]:
    """The tensor on each device, itself where it is there; with `out` its values in these tensors.

    >>> len(plait.cuda.comm.broadcast(plait.ones(2), ["cpu", "cpu"]))
    2
    """
    targets = _targets("broadcast", devices, out)
    if out is not None:
        return tuple(t.copy_(tensor) for t in out)
    return tuple(tensor.to(device) for device in targets)


def broadcast_coalesced(
    tensors: Sequence[Tensor], devices: Sequence[Any], buffer_size: int = 10485760
) -> list[list[Tensor]]:
    """For each device a list of the tensors there. `buffer_size` is not read."""
    return [[t.to(_device(device)) for t in tensors] for device in devices]


def reduce_add(inputs: Sequence[Tensor], destination: Any = None) -> Tensor:
    """The sum of tensors of one shape, on the device `destination`, the first one's unless given.

    >>> plait.cuda.comm.reduce_add([plait.ones(2), plait.ones(2)])
    tensor([2., 2.])
    """
    if not inputs:
        raise _C.ArgumentError("cuda.comm.reduce_add: expected at least one tensor, got none")
    shapes = {tuple(t.shape) for t in inputs}
    if len(shapes) != 1:
        raise _C.ArgumentError(f"cuda.comm.reduce_add: expected tensors of one shape, got {sorted(shapes)}")
    device = inputs[0].device if destination is None else _device(destination)
    total = inputs[0].to(device)
    for t in inputs[1:]:
        total = total + t.to(device)
    return total.clone() if len(inputs) == 1 else total


def reduce_add_coalesced(
    inputs: Sequence[Sequence[Tensor]], destination: Any = None, buffer_size: int = 10485760
) -> tuple[Tensor, ...]:
    """reduce_add of the first tensors of all lists, of the second ones, ... `buffer_size` is not read."""
    return tuple(reduce_add(tensors, destination) for tensors in zip(*inputs, strict=True))


def scatter(
    tensor: Tensor,
    devices: Sequence[Any] | None = None,
    chunk_sizes: Sequence[int] | None = None,
    dim: int = 0,
    streams: Any = None,
    *,
    out: Sequence[Tensor] | None = None,
) -> tuple[Tensor, ...]:
    """Parts of a tensor along `dim`, one for each device: of equal sizes, or of `chunk_sizes`; with `out` of
    the sizes of these tensors, which get them. `streams` is not read.

    >>> plait.cuda.comm.scatter(plait.arange(3), ["cpu", "cpu"], chunk_sizes=[1, 2])
    (tensor([0]), tensor([1, 2]))
    """
    targets = _targets("scatter", devices, out)
    if out is not None:
        chunk_sizes = [t.shape[dim] for t in out]
    if chunk_sizes is None:
        parts = tensor.chunk(len(targets), dim)
    else:
        if len(chunk_sizes) != len(targets) or sum(chunk_sizes) != tensor.shape[dim]:
            raise _C.ArgumentError(
                f"cuda.comm.scatter: expected {len(targets)} sizes of parts, of {tensor.shape[dim]} in all, "
                f"got {list(chunk_sizes)}"
            )
        parts = tensor.split(list(chunk_sizes), dim)
    if out is not None:
        return tuple(t.copy_(part) for t, part in zip(out, parts))
    return tuple(part.to(device) for part, device in zip(parts, targets))


def gather(
    tensors: Sequence[Tensor], dim: int = 0, destination: Any = None, *, out: Tensor | None = None
) -> Tensor:
    """The tensors joined along `dim` on the device `destination`: the current CUDA device unless given, "cpu"
    or -1 the CPU; or in `out`.

    >>> plait.cuda.comm.gather([plait.zeros(1), plait.ones(1)], destination="cpu")
    tensor([0., 1.])
    """
    if out is not None and destination is not None:
        raise _C.ArgumentError("cuda.comm.gather: expected destination or out, got both")
    if out is not None:
        device = out.device
    elif destination is None:
        device = _C._concrete("cuda")
    else:
        device = _C.device("cpu") if destination == -1 else _device(destination)
    joined = _C.ops["cat"]([t.to(device) for t in tensors], dim)
    return joined if out is None else out.copy_(joined)
