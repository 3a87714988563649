"""How DistributedDataParallel averages gradients while backward goes on.

Parameters lie in buckets, in the reverse order of their registration, which is about the order in which
their gradients come. Each has a flat buffer. A hook of a parameter counts; where all gradients of a bucket
are there, they are copied into the buffer and its average is begun, while backward computes what is before.
Buckets go in their order, which is the same on all ranks. Where the last is begun, all are waited for and
copied back.
"""

from __future__ import annotations

import plait
from plait import Tensor

from ... import _C
from ... import distributed as dist

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = ["GradBucket", "Reducer"]


class GradBucket:
    """What a communication hook is given: gradients of some parameters, in one flat tensor."""

    def __init__(self, index: int, count: int, parameters: list[Tensor], buffer: Tensor):
        self._index, self._count, self._parameters, self._buffer = index, count, parameters, buffer

    def index(self) -> int:
        """The number of the bucket; 0 is the first that is reduced."""
        return self._index

    def is_last(self) -> bool:
        """Is it the last that is reduced?"""
        return self._index == self._count - 1

    def buffer(self) -> Tensor:
        """The gradients, one after the other."""
        return self._buffer

    def set_buffer(self, tensor: Tensor) -> None:
        """Replaces the gradients."""
        self._buffer = tensor

    def parameters(self) -> list[Tensor]:
        """The parameters."""
        return list(self._parameters)

    def gradients(self) -> list[Tensor]:
        """The gradients, as views of the buffer."""
        return _views(self._buffer, self._parameters)


def _views(buffer: Tensor, parameters: Sequence[Tensor]) -> list[Tensor]:
    views, at = [], 0
    for p in parameters:
        views.append(buffer[at : at + p.numel()].view(p.shape))
        at += p.numel()
    return views


class _Bucket:
    def __init__(self, numbers: list[int], parameters: list[Tensor]):
        self.numbers, self.parameters = numbers, parameters
        total = sum(p.numel() for p in parameters)
        self.buffer = plait.zeros((total,), dtype=parameters[0].dtype, device=parameters[0].device)
        self.views = _views(self.buffer, parameters)
        self.pending = 0
        self.result: Callable[[], Any] | None = None  # waits


def _in_buckets(parameters: list[Tensor], first_bytes: int, bytes_each: int) -> list[_Bucket]:
    buckets: list[_Bucket] = []
    open_: dict[Any, tuple[list[int], list[int]]] = {}  # by dtype and device: numbers, and their bytes
    began: set[Any] = set()

    def close(key: Any) -> None:
        numbers = open_.pop(key)[0]
        buckets.append(_Bucket(numbers, [parameters[i] for i in numbers]))

    for i in range(len(parameters) - 1, -1, -1):
        p = parameters[i]
        key = (p.dtype, p.device)
        numbers, sizes = open_.setdefault(key, ([], []))
        numbers.append(i)
        sizes.append(p.numel() * p.element_size())
        if sum(sizes) >= (bytes_each if key in began else first_bytes):
            began.add(key)
            close(key)
    for key in list(open_):
        close(key)
    return buckets


class Reducer:
    """Averages the gradients of parameters over a group."""

    def __init__(
        self,
        parameters: list[Tensor],
        names: list[str],
        group: Any,
        first_bytes: int,
        bytes_each: int,
        find_unused: bool,
        static_graph: bool,
        gradient_as_bucket_view: bool,
    ):
        self._parameters, self._names, self._group = parameters, names, group
        self._find_unused, self._static = find_unused, static_graph
        self._as_view = gradient_as_bucket_view
        self._buckets = _in_buckets(parameters, first_bytes, bytes_each)
        self._bucket_of = [0] * len(parameters)
        for number, bucket in enumerate(self._buckets):
            for i in bucket.numbers:
                self._bucket_of[i] = number
        self._hook: Callable[[Any, GradBucket], Any] | None = None
        self._hook_state: Any = None
        self._unused: list[int] | None = None  # of a static graph, once they are known
        self._expects = False  # has a forward pass announced a backward pass?
        self._begun = False  # has that backward pass come to a parameter?
        self._ready = [False] * len(parameters)
        self._left = self._next = 0
        self._local = plait.ones((len(parameters),), dtype=plait.int32)  # which are used here
        for i, p in enumerate(parameters):
            p.register_post_accumulate_grad_hook(self._hook_of(i))

    def _hook_of(self, i: int) -> Callable[[Tensor], None]:
        return lambda _: self._mark(i, True)

    def set_hook(self, state: Any, hook: Callable[[Any, GradBucket], Any]) -> None:
        """Communicates by `hook(state, bucket)`, which returns a future of the reduced buffer."""
        if self._hook is not None:
            raise RuntimeError("register_comm_hook: there is a hook already")
        self._hook, self._hook_state = hook, state

    def prepare(self, outputs: list[Tensor]) -> None:
        """Before a backward pass from these outputs (and of others that it comes by)."""
        self._check_last()
        self._expects = True
        self._ready = [False] * len(self._parameters)
        self._left, self._next = len(self._parameters), 0
        for bucket in self._buckets:
            bucket.pending, bucket.result = len(bucket.numbers), None
        if not (self._find_unused or self._static):
            return
        unused = self._unused
        if unused is None:
            unused = _C._distributed._unreached(outputs, self._parameters)
            if self._static:
                self._unused = unused
        self._local.fill_(1)
        for i in unused:
            self._local[i] = 0
        for i in unused:
            self._mark(i, False)

    def _check_last(self) -> None:
        if not self._begun:
            return
        self._begun = self._expects = False
        missing = [name for name, ready in zip(self._names, self._ready) if not ready]
        raise RuntimeError(
            "DistributedDataParallel: the last backward pass gave no gradient to "
            f"{', '.join(missing[:8])}{', ...' if len(missing) > 8 else ''}, so that gradients were not "
            "averaged; use all outputs of forward in the loss, or pass find_unused_parameters=True"
        )

    def _mark(self, i: int, comes_by_itself: bool) -> None:
        if not self._expects:
            return
        if self._ready[i]:
            raise RuntimeError(
                f"DistributedDataParallel: the gradient of {self._names[i]} came twice in one backward pass; "
                "call forward before each backward, and use checkpoint(..., use_reentrant=False)"
            )
        self._ready[i] = True
        self._begun = self._begun or comes_by_itself
        bucket = self._buckets[self._bucket_of[i]]
        bucket.pending -= 1
        self._left -= 1
        while self._next < len(self._buckets) and self._buckets[self._next].pending == 0:
            self._launch(self._next)
            self._next += 1
        if self._left == 0:
            self._finish()

    def _launch(self, number: int) -> None:
        bucket = self._buckets[number]
        with plait.no_grad():
            for view, p in zip(bucket.views, bucket.parameters):
                if p.grad is None:
                    view.zero_()
                elif not self._as_view or p.grad.data_ptr() != view.data_ptr():
                    view.copy_(p.grad)
        if self._hook is None:
            work = dist.all_reduce(bucket.buffer, dist.ReduceOp.AVG, self._group, async_op=True)
            assert work is not None
            bucket.result = work.wait
            return
        parts = GradBucket(number, len(self._buckets), bucket.parameters, bucket.buffer)
        future = self._hook(self._hook_state, parts)

        def wait() -> None:
            value = future.wait()
            value = value[0] if isinstance(value, (list, tuple)) else value
            if value.data_ptr() != bucket.buffer.data_ptr():
                bucket.buffer.copy_(value.detach().view(-1))

        bucket.result = wait

    def _finish(self) -> None:
        self._expects = self._begun = False
        used = None
        if self._find_unused or self._static:
            # Who is unused everywhere keeps the gradient that it has, or none.
            used = self._local.to(self._buckets[0].buffer.device, copy=True)
            dist.all_reduce(used, dist.ReduceOp.MAX, self._group)
            used = used.tolist()
        for bucket in self._buckets:
            assert bucket.result is not None
            bucket.result()
            bucket.result = None
            with plait.no_grad():
                for i, view, p in zip(bucket.numbers, bucket.views, bucket.parameters):
                    if used is not None and not used[i]:
                        continue
                    if p.grad is None:
                        p.grad = view if self._as_view else view.clone()
                    elif self._as_view:
                        if p.grad.data_ptr() != view.data_ptr():
                            p.grad = view
                    else:
                        p.grad.copy_(view)
