"""Tensors from one process to another."""

from __future__ import annotations

import time
from datetime import timedelta

import plait

from .. import Tensor
from ._collectives import Back, _checked, given
from ._groups import DistBackendError, ProcessGroup, _member, _root_of
from ._work import Work, translated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

__all__ = ["P2POp", "batch_isend_irecv", "irecv", "isend", "monitored_barrier", "recv", "send"]

_ANY = -1
_BARRIER_TAG = -(1 << 62)  # of messages that are not the program's


def _peer(made: ProcessGroup, who: str, number: int | None, in_group: int | None) -> int:
    peer = _root_of(made, who, number, in_group)
    if peer == made.rank():
        raise ValueError(f"{who}: expected another process than this one, got rank {number}")
    return peer


def _start(made: ProcessGroup, parts: list[tuple[bool, Tensor, int, int]]) -> Work:
    c = made._communicator(parts[0][1])
    back = Back()
    placed = [
        (sends, given(t, c) if sends else back.place(t, c, read=False), peer, tag)
        for sends, t, peer, tag in parts
    ]
    try:
        job = c.transfer(placed)
    except RuntimeError as error:
        raise translated(error) from None
    return Work(job, [t for _, t, _, _ in parts], back.finish(), made.ranks)


def isend(
    tensor: Tensor,
    dst: int | None = None,
    group: ProcessGroup | None = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> Work | None:
    """Starts to send a tensor to a process. It is not to be changed before `wait`."""
    made = _member(group)
    if made is None:
        return None
    peer = _peer(made, "isend", dst, group_dst)
    return _start(made, [(True, _checked(tensor, "isend"), peer, tag)])


def irecv(
    tensor: Tensor,
    src: int | None = None,
    group: ProcessGroup | None = None,
    tag: int = 0,
    group_src: int | None = None,
) -> Work | None:
    """Starts to receive a tensor from a process; from whichever sends first, where none is given."""
    made = _member(group)
    if made is None:
        return None
    peer = _ANY if src is None and group_src is None else _peer(made, "irecv", src, group_src)
    return _start(made, [(False, _checked(tensor, "irecv"), peer, tag)])


def send(
    tensor: Tensor,
    dst: int | None = None,
    group: ProcessGroup | None = None,
    tag: int = 0,
    group_dst: int | None = None,
) -> None:
    """Sends a tensor to a process."""
    work = isend(tensor, dst, group, tag, group_dst)
    if work is not None:
        work.wait()


def recv(
    tensor: Tensor,
    src: int | None = None,
    group: ProcessGroup | None = None,
    tag: int = 0,
    group_src: int | None = None,
) -> int:
    """Receives a tensor from a process; from whichever sends first, where none is given. Returns its rank; -1
    where this process is not in the group."""
    made = _member(group)
    if made is None:
        return -1
    work = irecv(tensor, src, group, tag, group_src)
    assert work is not None
    work.wait()
    if src is not None:
        return src
    return made.ranks[group_src] if group_src is not None else work.source_rank()


class P2POp:
    """A transfer for batch_isend_irecv: `op` is isend or irecv."""

    def __init__(
        self,
        op: Callable[..., Any],
        tensor: Tensor,
        peer: int | None = None,
        group: ProcessGroup | None = None,
        tag: int = 0,
        group_peer: int | None = None,
    ):
        if op not in (isend, irecv):
            raise ValueError(f"P2POp: expected distributed.isend or distributed.irecv, got {op!r}")
        self.op, self.tensor, self.group, self.tag = op, _checked(tensor, "P2POp"), group, tag
        made = _member(group)
        self.group_peer = -1 if made is None else _peer(made, "P2POp", peer, group_peer)
        self.peer = peer if made is None else made.ranks[self.group_peer]


def batch_isend_irecv(p2p_op_list: list[P2POp]) -> list[Work]:
    """Starts transfers together; none waits for another."""
    if not p2p_op_list or not all(isinstance(op, P2POp) for op in p2p_op_list):
        raise ValueError("batch_isend_irecv: expected a list of P2POp that is not empty")
    first = p2p_op_list[0].group
    if any(op.group is not first for op in p2p_op_list):
        raise ValueError("batch_isend_irecv: expected one group for all")
    made = _member(first)
    if made is None:
        return []
    parts = [(op.op is isend, op.tensor, op.group_peer, op.tag) for op in p2p_op_list]
    kinds = {t.device.type for _, t, _, _ in parts}
    if len(kinds) > 1:
        raise ValueError(f"batch_isend_irecv: expected one type of device, got {sorted(kinds)}")
    return [_start(made, parts)]


def monitored_barrier(
    group: ProcessGroup | None = None, timeout: Any = None, wait_all_ranks: bool = False
) -> None:
    """Waits until all processes have come here; rank 0 raises DistBackendError that names who did not come
    within
    the timeout (the first of them; all, with `wait_all_ranks`), and the others that rank 0 did not answer.

    A library of the CPU's connects the processes.
    """
    made = _member(group)
    if made is None or made.size() == 1:
        return
    limit = made._timeout if timeout is None else timeout
    if not isinstance(limit, timedelta):
        limit = timedelta(seconds=float(limit))
    word = plait.zeros((1,), dtype=plait.uint8)
    c = made._communicator(word)
    if c.library != "gloo":
        raise RuntimeError(
            "monitored_barrier: expected a group of gloo's; new_group(backend='gloo') makes one"
        )
    made._store_barriers += 1
    tag = _BARRIER_TAG + 2 * made._store_barriers
    if made.rank() != 0:
        c.transfer([(True, word, 0, tag)]).wait()
        try:
            c.transfer([(False, word, 0, tag + 1)]).wait(limit.total_seconds())
        except RuntimeError as error:
            raise DistBackendError(
                f"monitored_barrier: rank 0 did not answer rank {made.ranks[made.rank()]} within "
                f"{limit.total_seconds():g} s; its message names the rank that was missing ({error})"
            ) from None
        return
    end = time.monotonic() + limit.total_seconds()
    waits = [c.transfer([(False, word, peer, tag)]) for peer in range(1, made.size())]
    missing = []
    for peer, work in enumerate(waits, 1):
        try:
            work.wait(max(0.0, end - time.monotonic()))
        except RuntimeError:
            missing.append(made.ranks[peer])
            if not wait_all_ranks:
                break
    if missing:
        raise DistBackendError(
            f"monitored_barrier: {'ranks' if len(missing) > 1 else 'rank'} {', '.join(map(str, missing))} "
            f"did not reach the barrier within {limit.total_seconds():g} s"
        )
    for peer in range(1, made.size()):
        c.transfer([(True, word, peer, tag + 1)]).wait()
