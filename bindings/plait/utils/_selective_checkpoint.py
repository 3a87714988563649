"""Selective activation checkpointing: results of some ops are kept, all others are computed again.

Note [Kept ops]
    The first run calls each op under hooks of its own, and asks the policy when it has run. What an op that
    is not kept has saved goes to the checkpointed call, as if the hooks were not there. Of an op that is
    kept, the results are; when the function runs again they take the op's place. Of the tensors that its
    node has saved, those that are arguments are computed again with the rest, and any other one is kept.
"""

from __future__ import annotations

import enum

from .. import _C
from ..overrides import TorchFunctionMode
from ._pytree import tree_leaves, tree_map

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .checkpoint import _Call

# Ops of PyTorch that one op of plait stands for, too.
_STANDS_FOR = {
    "linear": ("addmm", "mm"),
    "matmul": ("mm", "bmm"),
    "conv1d": ("convolution",),
    "conv2d": ("convolution",),
    "conv3d": ("convolution",),
    "conv_transpose1d": ("convolution",),
    "conv_transpose2d": ("convolution",),
    "conv_transpose3d": ("convolution",),
    "scaled_dot_product_attention": (
        "_scaled_dot_product_flash_attention",
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_efficient_attention",
        "_scaled_dot_product_cudnn_attention",
    ),
}


class CheckpointPolicy(enum.Enum):
    """What becomes of an op's results in a checkpointed call: kept (SAVE), computed again (RECOMPUTE), or
    kept in the CPU's memory (CPU_OFFLOAD). MUST and PREFER are the same."""

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


_KEPT = (CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)
_OFFLOADED = (CheckpointPolicy.MUST_CPU_OFFLOAD, CheckpointPolicy.PREFER_CPU_OFFLOAD)


class SelectiveCheckpointContext:
    """What a policy is called with beside the op and its arguments: `op_output`, the op's result;
    `is_recompute` is False, since the second run follows the first one's decisions."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None):
        self.is_recompute = is_recompute
        self.op_output = op_output


class _Saved:
    """What a node keeps in a tensor's place."""

    __slots__ = ("call", "value")

    def __init__(self, call: _Call, tensor: _C.Tensor):
        self.call = call
        self.value: Any = tensor  # later a holder of the call, for one that is computed again

    def unpack(self) -> _C.Tensor:
        return self.value if isinstance(self.value, _C.Tensor) else self.call.unpack(self.value)


class _Kept:
    """An op that is kept: its results, and the arguments that its node has saved."""

    __slots__ = ("arguments", "name", "random", "requires_grad", "result", "versions")

    def __init__(
        self, name: str, result: Any, arguments: list[_Argument], offloaded: bool, random: Any
    ):
        self.name = name
        self.arguments = arguments
        self.random = random  # the generator's state behind the op, where it has drawn
        self.requires_grad = [t.requires_grad for t in tree_leaves(result) if isinstance(t, _C.Tensor)]

        def stored(value: Any) -> Any:
            if not isinstance(value, _C.Tensor):
                return value
            return _Place(value.detach().cpu() if offloaded else value.detach(), value.device)

        self.result = tree_map(stored, result)
        self.versions = [t._version for t, _ in self._tensors()]

    def _tensors(self) -> list[tuple[_C.Tensor, Any]]:
        return [(p.tensor, p.device) for p in tree_leaves(self.result) if isinstance(p, _Place)]

    def again(self, may_change: bool) -> Any:
        """The results, as the op would have given them."""
        if not may_change and [t._version for t, _ in self._tensors()] != self.versions:
            raise RuntimeError(
                f"create_selective_checkpoint_contexts: a result of {self.name} that was kept has been "
                "written to in place; do not keep it, or pass allow_cache_entry_mutation=True"
            )
        grads = iter(self.requires_grad)

        def shown(place: Any) -> Any:
            if not isinstance(place, _Place):
                return place
            tensor = place.tensor.to(place.device).detach()
            return _computed(tensor) if next(grads) else tensor

        return tree_map(shown, self.result)


_function: Any = None
_anchor: Any = None  # what the node hangs on


def _computed(tensor: _C.Tensor) -> _C.Tensor:
    """An alias that is no leaf, though nothing is behind it: the graph of the second run is not used."""
    global _anchor, _function
    if _function is None:
        from .. import autograd

        class KeptResult(autograd.Function):
            @staticmethod
            def forward(ctx: Any, anchor: _C.Tensor, tensor: _C.Tensor) -> _C.Tensor:
                return tensor.detach()

            @staticmethod
            def backward(ctx: Any, grad: _C.Tensor) -> tuple[None, None]:
                return None, None

        _anchor = _C.ops["zeros"]((0,), requires_grad=True)
        _function = KeptResult
    return _function.apply(_anchor, tensor)


class _Place:
    """A kept tensor, and the device that it belongs to."""

    __slots__ = ("device", "tensor")

    def __init__(self, tensor: _C.Tensor, device: _C.device):
        self.tensor, self.device = tensor, device


def _tensors_of(args: tuple, kwargs: dict[str, Any]) -> list[_C.Tensor]:
    return [t for t in tree_leaves((args, kwargs)) if isinstance(t, _C.Tensor)]


class _Argument:
    """A saved tensor that is an argument, or a view of one."""

    __slots__ = ("index", "offset", "shape", "stride")

    def __init__(self, index: int, argument: _C.Tensor, saved: _C.Tensor):
        self.index = index
        self.shape, self.stride = tuple(saved.shape), saved.stride()
        self.offset = saved.storage_offset() - argument.storage_offset()

    @classmethod
    def find(cls, arguments: list[_C.Tensor], saved: _C.Tensor) -> _Argument | None:
        for index, argument in enumerate(arguments):
            if argument is saved or (
                argument.dtype is saved.dtype and argument.untyped_storage() == saved.untyped_storage()
            ):
                return cls(index, argument, saved)
        return None

    def again(self, arguments: list[_C.Tensor]) -> _C.Tensor:
        """The tensor, of the arguments of the second run."""
        argument = arguments[self.index]
        if self.shape == tuple(argument.shape) and self.stride == argument.stride() and not self.offset:
            return argument
        return argument.detach().as_strided(
            self.shape, self.stride, argument.storage_offset() + self.offset
        )


def _runs_again(func: Any, kwargs: dict[str, Any]) -> bool:
    """Is the op one that no policy is asked about: one that writes, or detach, which packing calls, too?"""
    name = getattr(func, "__name__", "")
    writes = name.endswith("_") and not name.endswith("__")
    return name == "detach" or writes or kwargs.get("out") is not None


class _FirstRun(TorchFunctionMode):
    """Asks the policy, and keeps what it says."""

    def __init__(self, policy: Callable, decisions: list[tuple[str, _Kept | None]]):
        self.policy = policy
        self.decisions = decisions
        self.call: _Call | None = None

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        from ..autograd.graph import saved_tensors_hooks
        from .checkpoint import _running

        kwargs = kwargs or {}
        running = _running()
        if self.call is None and running:
            self.call = running[-1]
        # Ops of a checkpointed call within this one run again as it does.
        if self.call is None or not running or running[-1] is not self.call or _runs_again(func, kwargs):
            return func(*args, **kwargs)
        call, saved = self.call, []

        def pack(tensor: _C.Tensor) -> _Saved:
            saved.append(_Saved(call, tensor))
            return saved[-1]

        state = _C.default_generator.get_state()
        with saved_tensors_hooks(pack, _Saved.unpack):
            result = func(*args, **kwargs)
        policy = self._ask(func, args, kwargs, result)
        name = getattr(func, "__name__", "")
        if policy not in _KEPT + _OFFLOADED:
            for each in saved:
                each.value = call.pack(each.value)
            self.decisions.append((name, None))
            return result
        tensors, arguments = _tensors_of(args, kwargs), []
        for each in saved:
            argument = _Argument.find(tensors, each.value)
            if argument is None:
                each.value = each.value.detach()
            else:
                each.value = call.pack(each.value)
                arguments.append(argument)
        now = _C.default_generator.get_state()
        random = None if bool((now == state).all()) else now
        self.decisions.append((name, _Kept(name, result, arguments, policy in _OFFLOADED, random)))
        return result

    def _ask(self, func: Any, args: tuple, kwargs: dict[str, Any], result: Any) -> CheckpointPolicy:
        """The policy's answer for the op, or for one of PyTorch's that it stands for."""
        answer = CheckpointPolicy.PREFER_RECOMPUTE
        context = SelectiveCheckpointContext(is_recompute=False, op_output=result)
        for op in _handles(func):
            answer = self.policy(context, op, *args, **kwargs)
            if isinstance(answer, bool):
                answer = CheckpointPolicy.MUST_SAVE if answer else CheckpointPolicy.PREFER_RECOMPUTE
            if not isinstance(answer, CheckpointPolicy):
                raise TypeError(
                    "create_selective_checkpoint_contexts: expected the policy to return a CheckpointPolicy, "
                    f"got {type(answer).__name__}"
                )
            if answer in _KEPT + _OFFLOADED:
                break
        return answer


class _SecondRun(TorchFunctionMode):
    """Gives kept results in the place of their ops."""

    def __init__(self, first: _FirstRun, decisions: list[tuple[str, _Kept | None]], may_change: bool):
        self.first = first
        self.decisions = decisions
        self.may_change = may_change
        self.next = 0

    def __enter__(self) -> Any:
        self.next = 0
        return super().__enter__()

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: Any = None) -> Any:
        from .checkpoint import CheckpointError, _running

        kwargs = kwargs or {}
        running = _running()
        if not running or running[-1] is not self.first.call or _runs_again(func, kwargs):
            return func(*args, **kwargs)
        name = getattr(func, "__name__", "")
        before, kept = self.decisions[self.next] if self.next < len(self.decisions) else (None, None)
        self.next += 1
        if before != name:
            raise CheckpointError(
                f"checkpoint: the function called {before or 'no further op'} at first and {name} when it "
                "ran again; it must do the same both times"
            )
        if kept is None:
            return func(*args, **kwargs)
        tensors = _tensors_of(args, kwargs)
        for argument in kept.arguments:
            running[-1].pack_again(argument.again(tensors))
        if kept.random is not None:
            _C.default_generator.set_state(kept.random)
        return kept.again(self.may_change)


def _handles(func: Any) -> list[Any]:
    """What a policy knows an op by: that of PyTorch's namespace, and those that it stands for."""
    from .. import ops

    name = getattr(func, "__name__", "")
    if "::" in name:
        space, _, op = name.partition("::")
        return [getattr(getattr(ops, space), op)]
    return [getattr(ops.aten, each) for each in (name, *_STANDS_FOR.get(name, ()))]


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Any, allow_cache_entry_mutation: bool = False
) -> tuple[TorchFunctionMode, TorchFunctionMode]:
    """The two contexts for `context_fn` of `plait.utils.checkpoint.checkpoint` that keep the results of some
    ops, so that these do not run again in backward.

    Args:
        policy_fn_or_list: a list of ops to keep, or `policy(context, op, *args, **kwargs)`, which is called
            behind each op of the first run and returns a CheckpointPolicy. `op` is of `plait.ops.aten`, or of
            the namespace of a custom op; products, convolutions and attention answer to PyTorch's names
            (`mm`, `addmm`, `convolution`), too.
        allow_cache_entry_mutation: do not raise where a kept result was written to in place.

    Ops are what the function calls by itself: what an op is made of is kept with it. Ops that write in place
    run again.

    >>> import functools
    >>> from plait.utils.checkpoint import checkpoint, create_selective_checkpoint_contexts
    >>> keep_products = functools.partial(create_selective_checkpoint_contexts, [plait.ops.aten.mm.default])
    >>> x = plait.ones(2, 2, requires_grad=True)
    >>> checkpoint(lambda t: (t @ t).exp(), x, context_fn=keep_products).sum().backward()
    """
    if isinstance(policy_fn_or_list, (list, tuple, set)):
        from .flop_counter import _name_of

        names = {_name_of(op) for op in policy_fn_or_list}

        def policy(context: Any, op: Any, *args: Any, **kwargs: Any) -> CheckpointPolicy:
            kept = _name_of(op) in names
            return CheckpointPolicy.MUST_SAVE if kept else CheckpointPolicy.PREFER_RECOMPUTE

    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError(
            "create_selective_checkpoint_contexts: expected a function or a list of ops, got "
            f"{type(policy_fn_or_list).__name__}"
        )
    decisions: list[tuple[str, _Kept | None]] = []
    first = _FirstRun(policy, decisions)
    return first, _SecondRun(first, decisions, allow_cache_entry_mutation)
