"""Activation checkpointing: trade a second forward pass for the memory of the first one's intermediate
results.

Chen et al. 2016, arXiv:1604.06174. The forward pass runs without a tape and keeps only the inputs; the
backward pass runs the function again, with the tape, and differentiates that.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext

import plait
from plait import _C, _replay

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

__all__ = [
    "checkpoint",
    "checkpoint_sequential",
    "get_device_states",
    "set_checkpoint_early_stop",
    "set_device_states",
]


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


class _Run:
    """One checkpointed call: what to call, with which structure of arguments, and what it gave."""

    __slots__ = ("again", "arguments", "check", "function", "regions", "result", "rng_state")

    def __init__(self, function: Callable, arguments: Any, preserve_rng_state: bool, check: bool, again: Any):
        self.function = function
        self.again = again  # the context that it runs in for the second time
        self.arguments = arguments
        self.check = check
        self.rng_state = plait.get_rng_state() if preserve_rng_state else None
        self.regions = _autocast_regions()
        self.result: Any = None

    def __call__(self, tensors: Sequence[Any]) -> tuple[Any, list[Any]]:
        args, kwargs = _put_in(self.arguments, tensors)
        outputs: list[Any] = []
        with _replay.recorded():
            return _take_out(self.function(*args, **kwargs), outputs), outputs


_function: Any = None


def _checkpoint_function() -> Any:
    """The autograd function, made at first use."""
    global _function
    if _function is not None:
        return _function

    class Checkpoint(plait.autograd.Function):
        @staticmethod
        def forward(ctx: Any, run: _Run, anchor: Any, *tensors: Any) -> tuple:
            ctx.run = run
            ctx.set_materialize_grads(False)
            ctx.save_for_backward(*tensors)
            with plait.no_grad():
                run.result, outputs = run(tensors)
            ctx.shapes = [(t.shape, t.dtype) for t in outputs]
            ctx.mark_non_differentiable(
                *(t for t in outputs if not (t.is_floating_point() or t.is_complex()))
            )
            return tuple(outputs)

        @staticmethod
        def backward(ctx: Any, *grads: Any) -> tuple:
            if plait.is_grad_enabled():
                raise RuntimeError(
                    "checkpoint: create_graph=True cannot go through a checkpointed function; call the "
                    "function itself where second derivatives are needed"
                )
            run = ctx.run
            inputs = []
            for t in ctx.saved_tensors:
                copy = t.detach()
                inputs.append(copy.requires_grad_(True) if t.requires_grad else copy)
            now = None
            if run.rng_state is not None:
                now = plait.get_rng_state()
                plait.set_rng_state(run.rng_state)
            try:
                with plait.enable_grad(), ExitStack() as regions:
                    for region in run.regions:
                        regions.enter_context(plait.autocast(*region))
                    regions.enter_context(run.again)
                    _, outputs = run(inputs)
            finally:
                if now is not None:
                    plait.set_rng_state(now)
            if run.check and [(t.shape, t.dtype) for t in outputs] != ctx.shapes:
                first = ", ".join(f"{tuple(s)} {d}" for s, d in ctx.shapes)
                second = ", ".join(f"{tuple(t.shape)} {t.dtype}" for t in outputs)
                raise RuntimeError(
                    f"checkpoint: the function gave ({first}) at first and ({second}) when it ran again; "
                    "it must do "
                    "the same both times: look for state that it changes, or pass determinism_check='none'"
                )
            pairs = [(t, g) for t, g in zip(outputs, grads) if g is not None and t.requires_grad]
            if pairs:
                plait.autograd.backward([t for t, _ in pairs], [g for _, g in pairs])
            return (None, None, *(t.grad if t.requires_grad else None for t in inputs))

    _function = Checkpoint
    return Checkpoint


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

    Tensors may stand anywhere in lists, tuples and dicts of the arguments and of the result. Parameters that
    the function uses by itself get their gradients, too; hence use `backward()`, not `autograd.grad`, which
    could not return theirs. With `preserve_rng_state` random numbers (dropout) are the same both times.
    `determinism_check="default"` compares shapes and dtypes of the two runs, "none" does not.
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
    tensors: list[Any] = []
    arguments = _take_out((args, kwargs), tensors)
    contexts = context_fn() if context_fn else (nullcontext(), nullcontext())
    if not isinstance(contexts, tuple) or len(contexts) != 2:
        raise TypeError(
            "checkpoint: expected context_fn to return two context managers, one for each run, "
            f"got {type(contexts).__name__}"
        )
    first, again = contexts
    run = _Run(function, arguments, preserve_rng_state, determinism_check == "default", again)
    # Without an input that requires grad the tape would leave the call out, and parameters without gradient.
    anchor = None if any(t.requires_grad for t in tensors) else plait.zeros((), requires_grad=True)
    with first:
        outputs = _checkpoint_function().apply(run, anchor, *tensors)
    result, run.result = run.result, None
    return _put_in(result, outputs)


def set_checkpoint_early_stop(enable: bool) -> Any:
    """A context manager that changes nothing: what is checkpointed runs to its end when it runs again."""
    return nullcontext(enable)


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
