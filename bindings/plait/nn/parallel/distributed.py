"""DistributedDataParallel: one module, a copy of it in each process, the average of their gradients in
all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import plait
from plait import Tensor

from ... import distributed as dist
from ...utils._pytree import tree_flatten
from ..modules.module import Module
from ._reducer import GradBucket, Reducer
from .data_parallel import device_index, moved

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
else:
    Any = object  # as typing.get_type_hints needs it, without the milliseconds that typing takes

__all__ = ["DistributedDataParallel", "GradBucket"]

_MIB = 1 << 20


class DistributedDataParallel(Module):
    """Calls `module`; backward averages the gradients of its parameters over the processes of a group.

    Wants plait.distributed.init_process_group() first. Parameters and buffers begin as rank 0's; buffers are
    rank 0's before each forward, too (`broadcast_buffers`). Gradients are averaged in buckets of about
    `bucket_cap_mb` MiB (the first: 1), while backward goes on. All parameters that require a gradient must
    get one,
    unless `find_unused_parameters`; `static_graph` looks for those without one in the first pass alone. With
    `gradient_as_bucket_view` gradients lie in the buckets, which saves a copy. The module stays on its
    device.

    >>> plait.distributed.init_process_group(world_size=1)
    >>> m = plait.nn.parallel.DistributedDataParallel(plait.nn.Linear(2, 1))
    >>> m(plait.ones(3, 2)).shape
    plait.Size([3, 1])
    >>> plait.distributed.destroy_process_group()
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool | None = None,
        init_sync: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        delay_all_reduce_named_params: Any = None,
        param_to_hook_all_reduce: Any = None,
        mixed_precision: Any = None,
        device_mesh: Any = None,
        skip_all_reduce_unused_params: bool = False,
        bucket_cap_mb_list: Any = None,
        batched_grad_copy: bool = False,
        forward_sync_buffers: bool | None = None,
    ):
        super().__init__()
        if process_group is None and not dist.is_initialized():
            raise ValueError(
                "DistributedDataParallel: there is no process group; call "
                "plait.distributed.init_process_group() first, or use the module itself"
            )
        for name, value in (
            ("mixed_precision", mixed_precision),
            ("device_mesh", device_mesh),
            ("bucket_cap_mb_list", bucket_cap_mb_list),
            ("delay_all_reduce_named_params", delay_all_reduce_named_params),
        ):
            if value is not None:
                raise NotImplementedError(
                    f"DistributedDataParallel: {name} is not there; use plait.autocast, or a communication "
                    f"hook"
                )
        ignored = set(getattr(module, "_ddp_params_and_buffers_to_ignore", ()))
        named = [(n, p) for n, p in module.named_parameters() if n not in ignored]
        trained = [(n, p) for n, p in named if p.requires_grad]
        if not trained:
            raise RuntimeError(
                "DistributedDataParallel: no parameter of the module requires grad; it needs no wrapper"
            )
        self.module, self.dim = module, dim
        self.device_ids = None if device_ids is None else [device_index(device) for device in device_ids]
        self.output_device = None if output_device is None else device_index(output_device)
        if self.device_ids is not None and len(self.device_ids) > 1:
            raise ValueError(
                f"DistributedDataParallel: expected one device in device_ids, got {self.device_ids}; start a "
                "process for each device"
            )
        self.device = next(iter(module.parameters())).device
        self.process_group = dist._get_default_group() if process_group is None else process_group
        shares = forward_sync_buffers if broadcast_buffers is None else broadcast_buffers
        self.broadcast_buffers = True if shares is None else shares
        self.find_unused_parameters = find_unused_parameters
        self.gradient_as_bucket_view, self.static_graph = gradient_as_bucket_view, static_graph
        self.require_backward_grad_sync = self.require_forward_param_sync = True
        self._buffers_to_share = [b for n, b in module.named_buffers() if n not in ignored]
        cap = 25 if bucket_cap_mb is None else bucket_cap_mb
        self.bucket_bytes_cap = int(cap * _MIB)
        self._reducer: Reducer | None = None
        if self.process_group.size() == 1:
            return  # the gradients are the averages
        _check_alike(named, self.process_group)
        if init_sync:
            _share([*(p for _, p in named), *self._buffers_to_share], self.process_group)
        self._make_reducer(trained)

    def _make_reducer(self, trained: list[tuple[str, Any]]) -> None:
        self._reducer = Reducer(
            [p for _, p in trained],
            [n for n, _ in trained],
            self.process_group,
            min(_MIB, self.bucket_bytes_cap),
            self.bucket_bytes_cap,
            self.find_unused_parameters,
            self.static_graph,
            self.gradient_as_bucket_view,
        )

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Calls the module."""
        if self.require_forward_param_sync and self.broadcast_buffers and self._buffers_to_share:
            _share(self._buffers_to_share, self.process_group)
        if self.device_ids:
            inputs, kwargs = moved((inputs, kwargs), self.device_ids[0])
        output = self.module(*inputs, **kwargs)
        self.require_forward_param_sync = plait.is_grad_enabled() and self.require_backward_grad_sync
        if self._reducer is not None and self.require_forward_param_sync:
            outputs = []
            if self.find_unused_parameters or self.static_graph:
                outputs = [t for t in _leaves(output) if t.requires_grad]
            self._reducer.prepare(outputs)
        return output

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Gradients of forward passes inside are not averaged, but added up: the next backward pass outside
        averages the sums."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def register_comm_hook(self, state: Any, hook: Callable[[Any, GradBucket], Any]) -> None:
        """Replaces the average: `hook(state, bucket)` returns a future of the reduced `bucket.buffer()`.

        plait.distributed.algorithms.ddp_comm_hooks.default_hooks has some. Before the first forward.
        """
        if not callable(hook):
            raise TypeError(f"register_comm_hook: expected a function of (state, bucket), got {hook!r}")
        if self._reducer is None:
            self._make_reducer([(n, p) for n, p in self.module.named_parameters() if p.requires_grad])
        assert self._reducer is not None
        self._reducer.set_hook(state, hook)

    def join(self, *args: Any, **kwargs: Any) -> Any:
        """Raises: ranks must make as many steps each."""
        raise NotImplementedError(
            "DistributedDataParallel.join is not there; give all ranks equally many batches "
            "(DistributedSampler does)"
        )

    @staticmethod
    def _set_params_and_buffers_to_ignore_for_model(module: Module, names: Sequence[str]) -> None:
        module._ddp_params_and_buffers_to_ignore = list(names)  # type: ignore[assignment]

    def __getstate__(self) -> dict:
        state = dict(vars(self))
        # Neither goes into a file: the copy belongs to the default group of where it is loaded.
        del state["process_group"], state["_reducer"]
        return state

    def __setstate__(self, state: dict) -> None:
        vars(self).update(state)
        self.process_group, self._reducer = dist._get_default_group(), None
        if self.process_group.size() > 1:
            self._make_reducer([(n, p) for n, p in self.module.named_parameters() if p.requires_grad])


def _leaves(output: Any) -> list[Tensor]:
    """The tensors of what a module returned: of structures, and of objects with attributes."""
    found = []
    for leaf in tree_flatten(output)[0]:
        if isinstance(leaf, Tensor):
            found.append(leaf)
        elif hasattr(leaf, "__dataclass_fields__"):
            found += _leaves([getattr(leaf, name) for name in leaf.__dataclass_fields__])
    return found


def _check_alike(named: list[tuple[str, Any]], group: Any) -> None:
    """Have all ranks the same parameters, in the same order?"""
    own = [(name, tuple(p.shape), str(p.dtype), bool(p.requires_grad)) for name, p in named]
    of_rank: list[Any] = [None] * group.size()
    dist.all_gather_object(of_rank, own, group)
    for rank, theirs in enumerate(of_rank):
        for mine, other in zip(of_rank[0], theirs):
            if mine != other:
                raise RuntimeError(
                    f"DistributedDataParallel: parameters differ between ranks: {_text(mine)} on rank "
                    f"{group.ranks[0]}, where rank {group.ranks[rank]} has {_text(other)}; all ranks must "
                    "make the same module"
                )
        if len(theirs) != len(of_rank[0]):
            longer, number = max((of_rank[0], 0), (theirs, rank), key=lambda pair: len(pair[0]))
            extra = longer[min(len(theirs), len(of_rank[0]))]
            raise RuntimeError(
                f"DistributedDataParallel: rank {group.ranks[0]} has {len(of_rank[0])} parameters and rank "
                f"{group.ranks[rank]} {len(theirs)}: {_text(extra)} is on rank {group.ranks[number]} alone"
            )


def _text(entry: tuple) -> str:
    name, shape, dtype, requires_grad = entry
    return f"'{name}' of shape {shape} and {dtype}{'' if requires_grad else ' without gradient'}"


def _share(tensors: list[Any], group: Any) -> None:
    """Gives rank 0's to all, a dtype and device in one call."""
    if group.size() == 1:
        return
    kinds: dict[Any, list[Tensor]] = {}
    for t in tensors:
        kinds.setdefault((t.dtype, t.device), []).append(t.detach())
    with plait.no_grad():
        for kind in kinds.values():
            flat = plait.cat([t.reshape(-1) for t in kind]) if len(kind) > 1 else kind[0].reshape(-1)
            dist.broadcast(flat, group=group, group_src=0)
            if group.rank() != 0:
                at = 0
                for t in kind:
                    t.copy_(flat[at : at + t.numel()].view(t.shape))
                    at += t.numel()
