"""Calls that all processes of a group make: of Python objects, which are pickled. Take them only from
processes
that you trust: to unpickle is to run what was sent."""

from __future__ import annotations

import pickle

import plait

from .. import Tensor
from ._collectives import all_gather_into_tensor, all_to_all_single, broadcast
from ._groups import ProcessGroup, _member, _root_of
from ._transfers import recv, send

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "all_gather_object",
    "broadcast_object_list",
    "gather_object",
    "recv_object_list",
    "scatter_object_list",
    "send_object_list",
]


def _bytes(obj: Any, device: Any) -> Tensor:
    return plait.frombuffer(bytearray(pickle.dumps(obj)), dtype=plait.uint8).to(device)


def _object(tensor: Tensor) -> Any:
    return pickle.loads(bytes(memoryview(tensor.cpu().contiguous())))  # type: ignore[arg-type]


def _sizes(made: ProcessGroup, size: int, device: Any) -> list[int]:
    sizes = plait.empty((made.size(),), dtype=plait.int64, device=device)
    all_gather_into_tensor(sizes, plait.tensor([size], device=device), made)
    return sizes.tolist()  # type: ignore[no-any-return]


def all_gather_object(object_list: list[Any], obj: Any, group: ProcessGroup | None = None) -> None:
    """Puts the object of each process into the list, which has an entry for each."""
    made = _member(group)
    if made is None:
        return
    _want_list(object_list, made.size(), "all_gather_object", "object_list")
    device = made._any_device()
    data = _bytes(obj, device)
    sizes = _sizes(made, data.numel(), device)
    longest = max(sizes)
    all_data = plait.empty((made.size(), longest), dtype=plait.uint8, device=device)
    own = plait.zeros((longest,), dtype=plait.uint8, device=device)
    own[: data.numel()] = data
    all_gather_into_tensor(all_data, own, made)
    for rank, size in enumerate(sizes):
        object_list[rank] = _object(all_data[rank, :size])


def gather_object(
    obj: Any,
    object_gather_list: list[Any] | None = None,
    dst: int | None = None,
    group: ProcessGroup | None = None,
    group_dst: int | None = None,
) -> None:
    """Puts the object of each process into the list, at `dst` (0 if not given)."""
    made = _member(group)
    if made is None:
        return
    root, n = _root_of(made, "gather_object", dst, group_dst, 0), made.size()
    mine = made.rank() == root
    if mine:
        _want_list(object_gather_list, n, "gather_object", "object_gather_list")
    device = made._any_device()
    data = _bytes(obj, device)
    sizes = _sizes(made, data.numel(), device)
    takes = sizes if mine else [0] * n
    out = plait.empty((sum(takes),), dtype=plait.uint8, device=device)
    all_to_all_single(out, data, takes, [data.numel() if r == root else 0 for r in range(n)], made)
    if mine:
        assert object_gather_list is not None
        for rank, part in enumerate(out.split(sizes)):
            object_gather_list[rank] = _object(part)


def broadcast_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: ProcessGroup | None = None,
    device: Any = None,
    group_src: int | None = None,
) -> None:
    """Replaces the entries of the list by those of process `src` (0 if not given), as many on all."""
    made = _member(group)
    if made is None:
        return
    root = _root_of(made, "broadcast_object_list", src, group_src, 0)
    where = made._any_device() if device is None else device
    if made.rank() == root:
        data = _bytes(list(object_list), where)
        size = plait.tensor([data.numel()], device=where)
    else:
        size = plait.zeros((1,), dtype=plait.int64, device=where)
    broadcast(size, group=made, group_src=root)
    if made.rank() != root:
        data = plait.empty((int(size.item()),), dtype=plait.uint8, device=where)
    broadcast(data, group=made, group_src=root)
    if made.rank() != root:
        _fill(object_list, _object(data), "broadcast_object_list")


def scatter_object_list(
    scatter_object_output_list: list[Any],
    scatter_object_input_list: list[Any] | None = None,
    src: int | None = None,
    group: ProcessGroup | None = None,
    group_src: int | None = None,
) -> None:
    """Puts the entry of the list at `src` (0 if not given) that is for this process into the output list's
    first
    entry."""
    made = _member(group)
    if made is None:
        return
    if not isinstance(scatter_object_output_list, list) or not scatter_object_output_list:
        raise ValueError("scatter_object_list: expected scatter_object_output_list to have an entry")
    root, n = _root_of(made, "scatter_object_list", src, group_src, 0), made.size()
    device = made._any_device()
    parts = []
    if made.rank() == root:
        objects = _want_list(scatter_object_input_list, n, "scatter_object_list", "scatter_object_input_list")
        parts = [_bytes(obj, device) for obj in objects]
    lengths = plait.zeros((n,), dtype=plait.int64, device=device)
    if parts:
        lengths = plait.tensor([p.numel() for p in parts], device=device)
    broadcast(lengths, group=made, group_src=root)
    sizes = lengths.tolist()
    data = plait.cat(parts) if parts else plait.empty((0,), dtype=plait.uint8, device=device)
    out = plait.empty((sizes[made.rank()],), dtype=plait.uint8, device=device)
    takes = [sizes[made.rank()] if r == root else 0 for r in range(n)]
    all_to_all_single(out, data, takes, sizes if parts else [0] * n, made)
    scatter_object_output_list[0] = _object(out)


def send_object_list(
    object_list: list[Any],
    dst: int | None = None,
    group: ProcessGroup | None = None,
    device: Any = None,
    group_dst: int | None = None,
    use_batch: bool = False,
) -> None:
    """Sends the entries of a list to a process, which calls recv_object_list."""
    made = _member(group)
    if made is None:
        return
    where = made._any_device() if device is None else device
    data = _bytes(list(object_list), where)
    send(plait.tensor([data.numel()], device=where), dst, made, 0, group_dst)
    send(data, dst, made, 0, group_dst)


def recv_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: ProcessGroup | None = None,
    device: Any = None,
    group_src: int | None = None,
    use_batch: bool = False,
) -> int:
    """Replaces the entries of a list by those that a process has sent, as many; returns its rank."""
    made = _member(group)
    if made is None:
        return -1
    where = made._any_device() if device is None else device
    size = plait.zeros((1,), dtype=plait.int64, device=where)
    source = recv(size, src, made, 0, group_src)
    data = plait.empty((int(size.item()),), dtype=plait.uint8, device=where)
    recv(data, source, made)
    _fill(object_list, _object(data), "recv_object_list")
    return source


def _want_list(objects: list[Any] | None, count: int, who: str, name: str) -> list[Any]:
    if not isinstance(objects, list) or len(objects) != count:
        got = len(objects) if isinstance(objects, list) else type(objects).__name__
        raise ValueError(f"{who}: expected {name} to be a list of {count}, one for each process, got {got}")
    return objects


def _fill(objects: list[Any], came: list[Any], who: str) -> None:
    if len(objects) != len(came):
        raise ValueError(
            f"{who}: expected a list of {len(came)}, as long as the sender's, got {len(objects)}"
        )
    objects[:] = came
