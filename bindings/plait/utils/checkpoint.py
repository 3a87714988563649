"""Activation checkpointing: trade a second forward pass for the memory of the first one's intermediate
results.

Chen et al. 2016, arXiv:1604.06174. The graph of a checkpointed call keeps no tensors. When backward asks for
the first one, the function runs again, and the tensors that it saves are those that the graph has left out.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager, nullcontext
from weakref import WeakKeyDictionary, ref

import plait
from plait import _C, _replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any
    from weakref import ReferenceType

    from ._selective_checkpoint import (
        CheckpointPolicy,
        SelectiveCheckpointContext,
        create_selective_checkpoint_contexts,
    )

_SELECTIVE = ("CheckpointPolicy", "SelectiveCheckpointContext", "create_selective_checkpoint_contexts")

__all__ = [
    "CheckpointError",
    "CheckpointPolicy",
    "SelectiveCheckpointContext",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "get_device_states",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
    "set_device_states",
]


def __getattr__(name: str) -> Any:
    if name in _SELECTIVE:
        from . import _selective_checkpoint

        return globals().setdefault(name, getattr(_selective_checkpoint, name))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


class CheckpointError(RuntimeError):
    """A function did not do the same when it ran again."""


def noop_context_fn() -> tuple[Any, Any]:
    """A `context_fn` of two contexts that change nothing."""
    return nullcontext(), nullcontext()


_threads = threading.local()


def _running() -> list[_Call]:
    """The checkpointed calls that run in this thread, the innermost last."""
    if not hasattr(_threads, "calls"):
        _threads.calls = []
    return _threads.calls


class _Slot:
    """The place of the i-th tensor in a structure of containers."""

    __slots__ = ("index",)

    def __init__(self, index: int):
        self.index = index


def _take_out(value: Any, tensors: list[Any]) -> Any:
    """The structure with slots for its tensors, which are appended to `tensors`."""
    if isinstance(value, plait.Tensor):
        tensors.append(value)
        return _Slot(len(tensors) - 1)
    if isinstance(value, tuple):
        items = [_take_out(v, tensors) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [_take_out(v, tensors) for v in value]
    if type(value) is dict:
        return {k: _take_out(v, tensors) for k, v in value.items()}
    return value


def _put_in(value: Any, tensors: Sequence[Any]) -> Any:
    """The structure with its tensors back in place."""
    if isinstance(value, _Slot):
        return tensors[value.index]
    if isinstance(value, tuple):
        items = [_put_in(v, tensors) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
    if isinstance(value, list):
        return [_put_in(v, tensors) for v in value]
    if type(value) is dict:
        return {k: _put_in(v, tensors) for k, v in value.items()}
    return value


def _autocast_regions() -> list[tuple]:
    """What makes the active autocast regions again."""
    if not _C._autocast_active():
        return []
    return [
        (device_type, _C.get_autocast_dtype(device_type), True, _C.is_autocast_cache_enabled())
        for device_type in ("cpu", "cuda")
        if _C.is_autocast_enabled(device_type)
    ]


class _Holder:
    """What the graph keeps in a saved tensor's place: its number within the call."""

    __slots__ = ("__weakref__", "number")

    def __init__(self, number: int):
        self.number = number


class _Call:
    """A checkpointed call. The first run packs the tensors that its graph saves into holders; when backward
    unpacks one, the function runs again and every holder that is still there gets its tensor."""

    def __init__(self, function: Callable, preserve_rng_state: bool, check: bool, again: Any):
        self.function = function
        self.check = check
        self.again = again  # the context of the second run
        self.rng_state = plait.get_rng_state() if preserve_rng_state else None
        self.regions = _autocast_regions()
        self.saved: list[tuple] = []  # shapes and dtypes
        self.complete = False
        self.holders: list[ReferenceType[_Holder]] = []
        self.values: WeakKeyDictionary[_Holder, Any] = WeakKeyDictionary()
        self.context: Any = None
        self.pack_again: Any = None  # while the function runs again

    @contextmanager
    def innermost(self) -> Iterator[None]:
        """Within it the call is the one that runs."""
        calls = _running()
        calls.append(self)
        try:
            yield
        finally:
            calls.pop()

    def first_run(self, args: tuple, kwargs: dict[str, Any]) -> Any:
        tensors: list[Any] = []
        self.arguments = _take_out((args, kwargs), tensors)
        self.require_grad = [t.requires_grad for t in tensors]
        self.inputs = _inputs_function().apply(self, plait.zeros(0, requires_grad=True), *tensors)
        hooks = plait.autograd.graph.saved_tensors_hooks(self.pack, self.unpack)
        with hooks, _replay.recorded(), self.innermost():
            result = self.function(*args, **kwargs)
        self.complete = True
        return result

    def pack(self, tensor: Any) -> _Holder:
        holder = _Holder(len(self.holders))
        self.holders.append(ref(holder))
        self.saved.append((tuple(tensor.shape), tensor.dtype))
        return holder

    def unpack(self, holder: _Holder) -> Any:
        if holder not in self.values:
            self.run_again()
        return self.values.pop(holder)

    def run_again(self) -> None:
        inputs = [
            t.detach().requires_grad_(requires_grad)
            for t, requires_grad in zip(self.context.saved_tensors, self.require_grad)
        ]
        args, kwargs = _put_in(self.arguments, inputs)
        saved: list[tuple] = []

        def pack(tensor: Any) -> Any:
            value = tensor.detach()
            if len(saved) < len(self.holders) and (holder := self.holders[len(saved)]()) is not None:
                self.values[holder] = value
            saved.append((tuple(value.shape), value.dtype))
            return value

        now = None
        if self.rng_state is not None:
            now = plait.get_rng_state()
            plait.set_rng_state(self.rng_state)
        try:
            with plait.enable_grad(), ExitStack() as contexts:
                for region in self.regions:
                    contexts.enter_context(plait.autocast(*region))
                contexts.enter_context(self.again)
                contexts.enter_context(plait.autograd.graph.saved_tensors_hooks(pack, lambda value: value))
                contexts.enter_context(_replay.recorded())
                contexts.enter_context(self.innermost())
                self.pack_again = pack
                self.function(*args, **kwargs)
        finally:
            self.pack_again = None
            if now is not None:
                plait.set_rng_state(now)
        self.compare(saved)

    def compare(self, saved: list[tuple]) -> None:
        """Raises where the two runs saved other tensors. The first may not be complete: the function may call
        backward itself."""
        if saved[: len(self.saved)] == self.saved and (not self.complete or len(saved) == len(self.saved)):
            return
        if not self.check and len(saved) >= len(self.saved):
            return
        at = next((i for i, (a, b) in enumerate(zip(self.saved, saved)) if a != b), None)
        if at is None:
            first, second = f"{len(self.saved)} tensors", f"{len(saved)}"
        else:
            first, second = (" ".join(map(str, each[at])) for each in (self.saved, saved))
        raise CheckpointError(
            f"checkpoint: the function saved {first} for backward at first and {second} when it ran again; "
            "it must do the same both times: look for state that it changes, or pass determinism_check='none'"
        )


_function: Any = None


def _inputs_function() -> Any:
    """The autograd function that saves a call's inputs, made at first use: by it they are watched for
    changes, and packed by the hooks of an outer call."""
    global _function
    if _function is not None:
        return _function

    class CheckpointInputs(plait.autograd.Function):
        @staticmethod
        def forward(ctx: Any, call: _Call, anchor: Any, *tensors: Any) -> Any:
            call.context = ctx
            ctx.save_for_backward(*tensors)
            return anchor.clone()

    _function = CheckpointInputs
    return _function


def checkpoint(
    function: Callable,
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    context_fn: Callable | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    **kwargs: Any,
) -> Any:
    """Calls `function(*args, **kwargs)` and keeps no intermediate results; backward() computes them again.

    Tensors may stand anywhere in lists, tuples and dicts of the arguments, and in results of any kind. What
    the function uses by itself, parameters say, gets gradients, too; second derivatives go through. With
    `preserve_rng_state` random numbers (dropout) are the same both times.
    `determinism_check="default"` compares shapes and dtypes of what the two runs save, "none" does not.
    `context_fn` gives two context managers, one for the first run and one for the second.
    `use_reentrant`, `debug` and `early_stop` are accepted and change nothing.

    >>> x = plait.ones(2, requires_grad=True)
    >>> plait.utils.checkpoint.checkpoint(lambda t: (t * t).sum(), x).backward()
    >>> x.grad.tolist()
    [2.0, 2.0]
    """
    if determinism_check not in ("default", "none"):
        raise ValueError(
            f"checkpoint: determinism_check should be 'default' or 'none', got {determinism_check!r}"
        )
    if not plait.is_grad_enabled():
        return function(*args, **kwargs)
    contexts = (context_fn or noop_context_fn)()
    if not isinstance(contexts, tuple) or len(contexts) != 2:
        raise TypeError(
            "checkpoint: expected context_fn to return two context managers, one for each run, "
            f"got {type(contexts).__name__}"
        )
    first, again = contexts
    call = _Call(function, preserve_rng_state, determinism_check == "default", again)
    with first:
        return call.first_run(args, kwargs)


def set_checkpoint_early_stop(enable: bool) -> Any:
    """A context manager that changes nothing: what is checkpointed runs to its end when it runs again."""
    return nullcontext(enable)


def set_checkpoint_debug_enabled(enabled: bool | None) -> Any:
    """A context manager that changes nothing: errors always name what differs."""
    return nullcontext(enabled)


def checkpoint_sequential(
    functions: Any,
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Runs a Sequential, or a list of functions, in `segments` parts, all but the last one checkpointed.

    >>> x = plait.ones(1, requires_grad=True)
    >>> steps = [lambda t: t * 2, lambda t: t * t, lambda t: t + 1]
    >>> plait.utils.checkpoint.checkpoint_sequential(steps, 2, x).item()
    5.0
    """
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)
    if not 1 <= segments <= len(steps):
        raise ValueError(f"checkpoint_sequential: segments should be in 1 to {len(steps)}, got {segments}")

    def part(start: int, end: int) -> Callable:
        def run(value: Any) -> Any:
            for step in steps[start:end]:
                value = step(value)
            return value

        return run

    size = len(steps) // segments
    end = 0
    for start in range(0, size * (segments - 1), size):
        end = start + size
        input = checkpoint(
            part(start, end), input, use_reentrant=use_reentrant, preserve_rng_state=preserve_rng_state
        )
    return part(end, len(steps))(input)


def get_device_states(*args: Any) -> tuple[list[int], list[Any]]:
    """The GPUs that tensors among the arguments are on, and the state of each one's generator, for code that
    runs something twice: `set_device_states` sets them again.
    """
    from ._pytree import tree_leaves

    tensors = (leaf for leaf in tree_leaves(args) if isinstance(leaf, plait.Tensor))
    devices = [t.get_device() for t in tensors if t.is_cuda]
    return devices, [plait.cuda.get_rng_state(device) for device in devices]


def set_device_states(devices: Sequence[int], states: Sequence[Any], *, device_type: Any = None) -> None:
    """Sets the generators of GPUs to what `get_device_states` gave."""
    for device, state in zip(devices, states):
        plait.cuda.set_rng_state(state, device)
