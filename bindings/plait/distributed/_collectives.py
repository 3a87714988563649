"""Calls that all processes of a group make: of tensors.

Communicators take contiguous tensors of one type of device. What is not so gets a stand-in, which is copied
back
when the call is done.
"""

from __future__ import annotations

from functools import reduce as _fold

import plait

from .. import Tensor
from ._groups import ProcessGroup, ReduceOp, _checked_reduction, _member, _root_of
from ._work import Work, translated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = [
    "all_gather",
    "all_gather_coalesced",
    "all_gather_into_tensor",
    "all_reduce",
    "all_reduce_coalesced",
    "all_to_all",
    "all_to_all_single",
    "barrier",
    "broadcast",
    "gather",
    "reduce",
    "reduce_scatter",
    "reduce_scatter_tensor",
    "scatter",
]


def _checked(tensor: Any, who: str) -> Tensor:
    if not isinstance(tensor, Tensor):
        raise TypeError(f"{who}: expected a Tensor, got {type(tensor).__name__}")
    return tensor


def _fits(tensor: Tensor, communicator: Any) -> bool:
    return tensor.is_contiguous() and (tensor.device.type == "cpu" or communicator.library != "gloo")


def given(tensor: Tensor, communicator: Any) -> Tensor:
    """The tensor as the communicator takes it."""
    if _fits(tensor, communicator):
        return tensor
    tensor = tensor.detach()
    return (tensor.cpu() if communicator.library == "gloo" else tensor).contiguous()


class Back:
    """Tensors that a call writes, and how its results come back to them."""

    def __init__(self) -> None:
        self._copies: list[tuple[Tensor, Tensor]] = []

    def place(self, tensor: Tensor, communicator: Any, read: bool = True) -> Tensor:
        """The tensor, or a stand-in that is copied back (with what is in it, where it is read)."""
        if _fits(tensor, communicator):
            return tensor
        if read:
            stand_in = given(tensor, communicator)
        else:
            device = "cpu" if communicator.library == "gloo" else tensor.device
            stand_in = plait.empty(tensor.shape, dtype=tensor.dtype, device=device)
        self._copies.append((tensor.detach(), stand_in))
        return stand_in

    def parts(self, tensors: Sequence[Tensor], communicator: Any) -> Tensor:
        """One stand-in for tensors that are filled one after the other."""
        device = "cpu" if communicator.library == "gloo" else tensors[0].device
        total = sum(t.numel() for t in tensors)
        whole = plait.empty((total,), dtype=tensors[0].dtype, device=device)
        at = 0
        for t in tensors:
            self._copies.append((t.detach(), whole[at : at + t.numel()].view(t.shape)))
            at += t.numel()
        return whole

    def finish(self) -> Callable[[], None] | None:
        """Copies back."""
        if not self._copies:
            return None

        def copy() -> None:
            for tensor, stand_in in self._copies:
                tensor.copy_(stand_in)

        return copy


def perform(
    call: Callable[[bool], Any], async_op: bool, tensors: list[Any], finish: Callable[[], None] | None = None
) -> Work | None:
    """Makes a call of a communicator; returns the work, or waits for it."""
    try:
        job = call(async_op)
    except RuntimeError as error:
        raise translated(error) from None
    if async_op:
        return Work(job, tensors, finish)
    if finish is not None:
        finish()
    return None


def _same(tensors: Sequence[Any], count: int, like: Tensor, who: str, name: str) -> list[Tensor]:
    if not isinstance(tensors, (list, tuple)) or len(tensors) != count:
        got = len(tensors) if isinstance(tensors, (list, tuple)) else type(tensors).__name__
        raise ValueError(
            f"{who}: expected {name} to be a list of {count}, one for each process of the group, got {got}"
        )
    for t in tensors:
        _checked(t, who)
        if t.numel() != like.numel() or t.dtype != like.dtype:
            raise ValueError(
                f"{who}: expected tensors of {like.numel()} elements and {like.dtype} in {name}, like the "
                f"other one, got {t.numel()} and {t.dtype}"
            )
    return list(tensors)


def _times(big: Tensor, small: Tensor, size: int, who: str, names: str) -> None:
    if big.numel() != size * small.numel() or big.dtype != small.dtype:
        raise ValueError(
            f"{who}: expected {names}: {size * small.numel()} elements of {small.dtype} in a group of "
            f"{size}, "
            f"got {big.numel()} of {big.dtype}"
        )


def _flat(tensors: Sequence[Tensor], communicator: Any) -> Tensor:
    """The elements of all, one after the other."""
    return given(plait.cat([t.detach().reshape(-1) for t in tensors]), communicator)


# ---- reductions


def all_reduce(
    tensor: Tensor, op: Any = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Combines the tensors of all processes; each gets the result, in place."""
    made = _member(group)
    if made is None:
        return None
    reduction = _checked_reduction("all_reduce", op)
    c = made._communicator(_checked(tensor, "all_reduce"))
    back = Back()
    placed = back.place(tensor, c)
    return perform(lambda a: c.all_reduce((placed,), reduction, a), async_op, [tensor], back.finish())


def all_reduce_coalesced(
    tensors: list[Tensor], op: Any = ReduceOp.SUM, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """all_reduce of each tensor of a list, in one call."""
    made = _member(group)
    if made is None or not tensors:
        return None
    reduction = _checked_reduction("all_reduce_coalesced", op)
    c = made._communicator(_checked(tensors[0], "all_reduce_coalesced"))
    back = Back()
    placed = [back.place(_checked(t, "all_reduce_coalesced"), c) for t in tensors]
    return perform(lambda a: c.all_reduce(placed, reduction, a), async_op, list(tensors), back.finish())


def reduce(
    tensor: Tensor,
    dst: int | None = None,
    op: Any = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Combines the tensors of all processes; that of `dst` gets the result, those of others are undefined."""
    made = _member(group)
    if made is None:
        return None
    reduction = _checked_reduction("reduce", op)
    root = _root_of(made, "reduce", dst, group_dst)
    c = made._communicator(_checked(tensor, "reduce"))
    back = Back()
    placed = back.place(tensor, c)
    finish = back.finish() if made.rank() == root else None
    return perform(lambda a: c.reduce(placed, root, reduction, a), async_op, [tensor], finish)


def reduce_scatter_tensor(
    output: Tensor,
    input: Tensor,
    op: Any = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Combines the tensors of all processes; each gets its part, of as many as there are processes."""
    made = _member(group)
    if made is None:
        return None
    reduction = _checked_reduction("reduce_scatter_tensor", op)
    c = made._communicator(_checked(input, "reduce_scatter_tensor"))
    _times(input, _checked(output, "reduce_scatter_tensor"), made.size(), "reduce_scatter_tensor", "an input")
    back = Back()
    to, source = back.place(output, c, read=False), given(input, c)
    return perform(lambda a: c.reduce_scatter(to, source, reduction, a), async_op, [output], back.finish())


def reduce_scatter(
    output: Tensor,
    input_list: list[Tensor],
    op: Any = ReduceOp.SUM,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Combines the lists of all processes; each gets its entry."""
    made = _member(group)
    if made is None:
        return None
    reduction = _checked_reduction("reduce_scatter", op)
    c = made._communicator(_checked(output, "reduce_scatter"))
    source = _flat(_same(input_list, made.size(), output, "reduce_scatter", "input_list"), c)
    back = Back()
    to = back.place(output, c, read=False)
    return perform(lambda a: c.reduce_scatter(to, source, reduction, a), async_op, [output], back.finish())


# ---- copies


def broadcast(
    tensor: Tensor,
    src: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Gives the tensor of process `src` to all, in place."""
    made = _member(group)
    if made is None:
        return None
    root = _root_of(made, "broadcast", src, group_src)
    c = made._communicator(_checked(tensor, "broadcast"))
    back = Back()
    placed = back.place(tensor, c)
    finish = back.finish() if made.rank() != root else None
    return perform(lambda a: c.broadcast(placed, root, a), async_op, [tensor], finish)


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Copies the tensors of all processes into one, one after the other."""
    made = _member(group)
    if made is None:
        return None
    who = "all_gather_into_tensor"
    c = made._communicator(_checked(input_tensor, who))
    _times(_checked(output_tensor, who), input_tensor, made.size(), who, "an output")
    back = Back()
    to, source = back.place(output_tensor, c, read=False), given(input_tensor, c)
    return perform(lambda a: c.all_gather(to, source, a), async_op, [output_tensor], back.finish())


def all_gather(
    tensor_list: list[Tensor], tensor: Tensor, group: ProcessGroup | None = None, async_op: bool = False
) -> Work | None:
    """Copies the tensor of each process to the entries of the list."""
    made = _member(group)
    if made is None:
        return None
    c = made._communicator(_checked(tensor, "all_gather"))
    entries = _same(tensor_list, made.size(), tensor, "all_gather", "tensor_list")
    back = Back()
    to, source = back.parts(entries, c), given(tensor, c)
    return perform(lambda a: c.all_gather(to, source, a), async_op, list(entries), back.finish())


def all_gather_coalesced(
    output_tensor_lists: list[list[Tensor]],
    input_tensor_list: list[Tensor],
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """all_gather for each tensor of a list."""
    works = [
        all_gather([of_rank[i] for of_rank in output_tensor_lists], t, group, True)
        for i, t in enumerate(input_tensor_list)
    ]
    if async_op or not works:
        return works[-1] if works else None
    for work in works:
        if work is not None:
            work.wait()
    return None


def gather(
    tensor: Tensor,
    gather_list: list[Tensor] | None = None,
    dst: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Copies the tensor of each process to the entries of the list, at `dst` (0 if not given)."""
    made = _member(group)
    if made is None:
        return None
    root = _root_of(made, "gather", dst, group_dst, 0)
    c = made._communicator(_checked(tensor, "gather"))
    back, n, mine = Back(), made.size(), made.rank() == root
    source = given(tensor, c)
    sends = [tensor.numel() if r == root else 0 for r in range(n)]
    if mine:
        if not gather_list:
            raise ValueError("gather: expected gather_list at the destination")
        entries = _same(gather_list, n, tensor, "gather", "gather_list")
        to = back.parts(entries, c)
        takes = [tensor.numel()] * n
    else:
        if gather_list:
            raise ValueError(
                f"gather: expected gather_list at the destination alone, which is rank {made.ranks[root]}"
            )
        to, takes = plait.empty((0,), dtype=tensor.dtype, device=source.device), [0] * n
    return perform(
        lambda a: c.all_to_all(to, source, takes, sends, a), async_op, list(gather_list or []), back.finish()
    )


def scatter(
    tensor: Tensor,
    scatter_list: list[Tensor] | None = None,
    src: int | None = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Copies the entries of the list, at `src` (0 if not given), to the tensors of the processes."""
    made = _member(group)
    if made is None:
        return None
    root = _root_of(made, "scatter", src, group_src, 0)
    c = made._communicator(_checked(tensor, "scatter"))
    back, n = Back(), made.size()
    to = back.place(tensor, c, read=False)
    takes = [tensor.numel() if r == root else 0 for r in range(n)]
    if made.rank() == root:
        if not scatter_list:
            raise ValueError("scatter: expected scatter_list at the source")
        source = _flat(_same(scatter_list, n, tensor, "scatter", "scatter_list"), c)
        sends = [tensor.numel()] * n
    else:
        if scatter_list:
            raise ValueError(
                f"scatter: expected scatter_list at the source alone, which is rank {made.ranks[root]}"
            )
        source, sends = plait.empty((0,), dtype=tensor.dtype, device=to.device), [0] * n
    return perform(lambda a: c.all_to_all(to, source, takes, sends, a), async_op, [tensor], back.finish())


def _row_counts(tensor: Tensor, sizes: Any, ranks: int, name: str) -> list[int]:
    """Elements for each process, of rows."""
    rows = tensor.shape[0] if tensor.dim() else 1
    if not sizes:
        if rows % ranks:
            raise ValueError(
                f"all_to_all_single: the {name}'s {rows} rows do not divide by the group's {ranks} "
                f"processes; give {name}_split_sizes"
            )
        sizes = [rows // ranks] * ranks
    if len(sizes) != ranks or sum(sizes) != rows:
        raise ValueError(
            f"all_to_all_single: expected {ranks} {name}_split_sizes with the sum {rows}, got {list(sizes)}"
        )
    row = tensor.numel() // rows if rows else _fold(lambda a, b: a * b, tensor.shape[1:], 1)
    return [s * row for s in sizes]


def _check_own(who: str, takes: list[int], sends: list[int], rank: int) -> None:
    if takes[rank] != sends[rank]:
        raise ValueError(
            f"{who}: rank {rank} of the group keeps {sends[rank]} elements for itself, but takes "
            f"{takes[rank]} from "
            "itself"
        )


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Any = None,
    input_split_sizes: Any = None,
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Gives part i of the input's rows to process i, and takes one of each."""
    made = _member(group)
    if made is None:
        return None
    c = made._communicator(_checked(input, "all_to_all_single"))
    if _checked(output, "all_to_all_single").dtype != input.dtype:
        raise ValueError(f"all_to_all_single: expected one dtype, got {output.dtype} and {input.dtype}")
    takes = _row_counts(output, output_split_sizes, made.size(), "output")
    sends = _row_counts(input, input_split_sizes, made.size(), "input")
    _check_own("all_to_all_single", takes, sends, made.rank())
    back = Back()
    to, source = back.place(output, c, read=False), given(input, c)
    return perform(lambda a: c.all_to_all(to, source, takes, sends, a), async_op, [output], back.finish())


def all_to_all(
    output_tensor_list: list[Tensor],
    input_tensor_list: list[Tensor],
    group: ProcessGroup | None = None,
    async_op: bool = False,
) -> Work | None:
    """Gives entry i to process i, and takes one of each. Entries may differ in shape."""
    made = _member(group)
    if made is None:
        return None
    for name, tensors in (
        ("output_tensor_list", output_tensor_list),
        ("input_tensor_list", input_tensor_list),
    ):
        if not isinstance(tensors, (list, tuple)) or len(tensors) != made.size():
            raise ValueError(f"all_to_all: expected {name} to be a list of {made.size()}, got {len(tensors)}")
        for t in tensors:
            _checked(t, "all_to_all")
            if t.dtype != input_tensor_list[0].dtype:
                raise ValueError(
                    f"all_to_all: expected one dtype, got {t.dtype} and {input_tensor_list[0].dtype}"
                )
    c = made._communicator(input_tensor_list[0])
    back = Back()
    to, source = back.parts(output_tensor_list, c), _flat(input_tensor_list, c)
    takes, sends = [t.numel() for t in output_tensor_list], [t.numel() for t in input_tensor_list]
    _check_own("all_to_all", takes, sends, made.rank())
    return perform(
        lambda a: c.all_to_all(to, source, takes, sends, a), async_op, list(output_tensor_list), back.finish()
    )


def barrier(
    group: ProcessGroup | None = None, async_op: bool = False, device_ids: Any = None, timeout: Any = None
) -> Work | None:
    """Waits until all processes of the group have come here; for the group's timeout, or the one given."""
    made = _member(group)
    if made is None:
        return None
    c = made._communicator(plait.empty((0,), device=made._any_device()))
    if timeout is None or async_op:
        return perform(c.barrier, async_op, [])
    work = perform(c.barrier, True, [])
    assert work is not None
    work.wait(timeout)
    return None
