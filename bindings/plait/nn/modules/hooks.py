"""The call of a Module: straight to `forward` where there are no hooks, around it where there are."""

from __future__ import annotations

from collections.abc import Callable

import plait
from plait import Tensor
from plait._handles import RemovableHandle

# The hook tables of one module; Module.__getattr__ makes each at its first use, so that a module without
# hooks has none.
CALL_HOOK_TABLES = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
STATE_HOOK_TABLES = (
    "_state_dict_pre_hooks",
    "_state_dict_hooks",
    "_load_state_dict_pre_hooks",
    "_load_state_dict_post_hooks",
)
HOOK_TABLES = frozenset(CALL_HOOK_TABLES + STATE_HOOK_TABLES)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # as typing.get_type_hints needs it, without the milliseconds that typing takes

_NONE: dict = {}
_global_hooks: dict[str, dict[int, _Hook]] = {name: {} for name in CALL_HOOK_TABLES}


# Called for what any module registers, by the kind of it.
registration_hooks: dict[str, dict[int, Callable]] = {"parameter": {}, "buffer": {}, "module": {}}


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """What the hooks of registration make of a parameter, buffer or module."""
    for hook in list(registration_hooks[kind].values()):
        changed = hook(module, name, value)
        if changed is not None:
            value = changed
    return value


class _Hook:
    """A hook and how it wants to be called."""

    __slots__ = ("always_call", "function", "with_kwargs")

    def __init__(self, function: Callable, with_kwargs: bool = False, always_call: bool = False):
        self.function = function
        self.with_kwargs = with_kwargs
        self.always_call = always_call


def add_hook(table: dict, hook: Any, prepend: bool = False) -> RemovableHandle:
    """Puts `hook` last (or first) into `table`."""
    handle = RemovableHandle(table)
    if prepend:
        rest = dict(table)
        table.clear()
        table[handle.id] = hook
        table.update(rest)
    else:
        table[handle.id] = hook
    return handle


def hook_table(module: Any, name: str) -> dict[int, Any]:
    """The hooks of one kind that a module has; made at first use."""
    attributes = module.__dict__
    if name not in attributes:
        attributes[name] = {}
        if name in CALL_HOOK_TABLES:
            attributes["_has_hooks"] = True
    return attributes[name]


def _merged(module: HookedCall, name: str) -> list[_Hook]:
    own = module.__dict__.get(name, _NONE)
    everyone = _global_hooks[name]
    return [*everyone.values(), *own.values()] if own or everyone else []


class HookedCall:
    """`module(...)`, and the registration of forward and backward hooks."""

    forward: Callable[..., Any]
    _forward_pre_hooks: dict[int, _Hook]
    _forward_hooks: dict[int, _Hook]
    _backward_pre_hooks: dict[int, _Hook]
    _backward_hooks: dict[int, _Hook]

    # True on a module that has hook tables, and on the class while there are global hooks: the one test of
    # each call.
    _has_hooks = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Calls `forward`, and the hooks around it."""
        if self._has_hooks:
            return self._call_with_hooks(args, kwargs)
        if kwargs:
            return self.forward(*args, **kwargs)
        return self.forward(*args)

    def _call_with_hooks(self, args: tuple, kwargs: dict) -> Any:
        called: set[int] = set()
        result = None
        try:
            for hook in _merged(self, "_forward_pre_hooks"):
                args, kwargs = _run_pre_hook(self, hook, args, kwargs)
            before = _merged(self, "_backward_pre_hooks")
            after = _merged(self, "_backward_hooks")
            watch = _BackwardWatch(self, before, after) if before or after else None
            if watch is not None:
                args = watch.watch_inputs(args)
            result = self.forward(*args, **kwargs)
            for hook in _merged(self, "_forward_hooks"):
                called.add(id(hook))
                result = _run_forward_hook(self, hook, args, kwargs, result)
            return result if watch is None else watch.watch_outputs(result)
        except Exception:
            for hook in _merged(self, "_forward_hooks"):
                if hook.always_call and id(hook) not in called:
                    try:
                        result = _run_forward_hook(self, hook, args, kwargs, result)
                    except Exception as error:
                        from warnings import warn

                        warn(
                            f"a forward hook of {type(self).__name__} with always_call=True raised "
                            f"{error!r}, which is dropped because forward raised an error of its own",
                            stacklevel=3,
                        )
            raise

    def register_forward_pre_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args)` before `forward`; what it returns, if not None, replaces the arguments.

        With `with_kwargs` it is called as `hook(module, args, kwargs)` and returns None or `(args, kwargs)`.
        """
        return add_hook(hook_table(self, "_forward_pre_hooks"), _Hook(hook, with_kwargs), prepend)

    def register_forward_hook(
        self, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always_call: bool = False
    ) -> RemovableHandle:
        """Calls `hook(module, args, output)` after `forward`; what it returns, if not None, replaces the
        output.

        With `with_kwargs` it is called as `hook(module, args, kwargs, output)`; with `always_call` also when
        forward raises.

        >>> m, seen = plait.nn.Identity(), []
        >>> handle = m.register_forward_hook(lambda module, args, output: seen.append(tuple(output.shape)))
        >>> _ = m(plait.zeros(2, 3)); handle.remove(); seen
        [(2, 3)]
        """
        return add_hook(hook_table(self, "_forward_hooks"), _Hook(hook, with_kwargs, always_call), prepend)

    def register_full_backward_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_input, grad_output)` once the gradients of the inputs are known.

        Both are tuples, with None for what is no tensor or has no gradient; what the hook returns, if not
        None, replaces `grad_input`.
        """
        return add_hook(hook_table(self, "_backward_hooks"), _Hook(hook), prepend)

    def register_full_backward_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(module, grad_output)` before the module's backward; a result replaces `grad_output`."""
        return add_hook(hook_table(self, "_backward_pre_hooks"), _Hook(hook), prepend)

    def register_backward_hook(self, hook: Callable) -> RemovableHandle:
        """Refused: the old form gives wrong gradients for modules of several ops."""
        raise NotImplementedError(
            f"{type(self).__name__}.register_backward_hook: not in plait, because it reports the gradients "
            "of the last op only; use register_full_backward_hook(hook), which has the same hook signature"
        )


def _run_pre_hook(module: HookedCall, hook: _Hook, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    if hook.with_kwargs:
        changed = hook.function(module, args, kwargs)
        if changed is None:
            return args, kwargs
        if not (isinstance(changed, tuple) and len(changed) == 2):
            raise RuntimeError(
                f"forward pre-hook of {type(module).__name__} with with_kwargs=True: expected None or a "
                f"tuple (new_args, new_kwargs), got {type(changed).__name__}"
            )
        return changed
    changed = hook.function(module, args)
    if changed is None:
        return args, kwargs
    return (changed if isinstance(changed, tuple) else (changed,)), kwargs


def _run_forward_hook(module: HookedCall, hook: _Hook, args: tuple, kwargs: dict, result: Any) -> Any:
    if hook.with_kwargs:
        changed = hook.function(module, args, kwargs, result)
    else:
        changed = hook.function(module, args, result)
    return result if changed is None else changed


_marks: list[Any] = []


def _mark() -> Any:
    """The identity whose backward calls back; made once, when the first backward hook is."""
    if not _marks:

        class ModuleBackwardHook(plait.autograd.Function):
            @staticmethod
            def forward(ctx, seen, *tensors):
                ctx.seen = seen
                return tuple(t.detach() for t in tensors)

            @staticmethod
            def backward(ctx, *grads):
                return (None, *ctx.seen(grads))

        _marks.append(ModuleBackwardHook)
    return _marks[0]


class _BackwardWatch:
    """Marks the inputs and outputs of one call by identities, whose backward runs the hooks."""

    def __init__(self, module: HookedCall, before: list[_Hook], after: list[_Hook]):
        self.module, self.before, self.after = module, before, after
        self.grad_outputs: tuple | None = None
        self.n_inputs = 0
        self.inputs_watched = False

    def _watched(self, values: tuple, seen: Callable) -> tuple[tuple, bool]:
        where = [i for i, v in enumerate(values) if isinstance(v, Tensor)]
        if not plait.is_grad_enabled() or not any(values[i].requires_grad for i in where):
            return values, False
        live = [i for i in where if values[i].requires_grad]

        def full(grads: tuple) -> tuple:
            spread: list = [None] * len(values)
            for i, grad in zip(live, grads, strict=True):
                spread[i] = grad
            changed = seen(tuple(spread))
            return tuple(changed[i] for i in live)

        marked = _mark().apply(full, *(values[i] for i in live))
        marked = marked if isinstance(marked, tuple) else (marked,)
        result = list(values)
        for i, tensor in zip(live, marked, strict=True):
            result[i] = tensor
        return tuple(result), True

    def watch_inputs(self, args: tuple) -> tuple:
        self.n_inputs = len(args)
        args, self.inputs_watched = self._watched(args, self._inputs_seen)
        return args

    def watch_outputs(self, result: Any) -> Any:
        lone = isinstance(result, Tensor)
        if not lone and not isinstance(result, tuple):
            from warnings import warn

            warn(
                f"{type(self.module).__name__}: backward hooks need an output that is a Tensor or a tuple of "
                f"Tensors, got {type(result).__name__}; they will not be called",
                stacklevel=4,
            )
            return result
        outputs, _ = self._watched((result,) if lone else result, self._outputs_seen)
        if lone:
            return outputs[0]
        return type(result)(*outputs) if hasattr(result, "_fields") else outputs

    def _outputs_seen(self, grads: tuple) -> tuple:
        for hook in self.before:
            grads = self._replaced(hook.function(self.module, grads), grads, "pre-hook", "grad_output")
        self.grad_outputs = grads
        if not self.inputs_watched:  # no input requires grad: the hooks would never be called from there
            self._run_after((None,) * self.n_inputs)
        return grads

    def _inputs_seen(self, grads: tuple) -> tuple:
        if (
            self.grad_outputs is None
        ):  # the gradient came around the outputs, by a tensor the module gave away elsewhere
            return grads
        return self._run_after(grads)

    def _run_after(self, grads: tuple) -> tuple:
        grad_outputs, self.grad_outputs = self.grad_outputs, None
        for hook in self.after:
            changed = hook.function(self.module, grads, grad_outputs)
            some = changed is not None and (
                not isinstance(changed, tuple) or any(grad is not None for grad in changed)
            )
            if some and not self.inputs_watched:
                raise RuntimeError(
                    f"backward hook of {type(self.module).__name__}: returned gradients for the inputs, but "
                    "no input requires grad; return None"
                )
            grads = self._replaced(changed, grads, "hook", "grad_input")
        return grads

    def _replaced(self, changed: Any, grads: tuple, kind: str, what: str) -> tuple:
        if changed is None:
            return grads
        changed = changed if isinstance(changed, tuple) else (changed,)
        if len(changed) != len(grads):
            raise RuntimeError(
                f"backward {kind} of {type(self.module).__name__}: expected {len(grads)} gradients for "
                f"{what}, got "
                f"{len(changed)}"
            )
        return changed


def _add_global(name: str, hook: _Hook) -> RemovableHandle:
    HookedCall._has_hooks = True
    return add_hook(_global_hooks[name], hook)


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, args)` before the forward of every module, before its own hooks."""
    return _add_global("_forward_pre_hooks", _Hook(hook))


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Calls `hook(module, args, output)` after the forward of every module, before its own hooks."""
    return _add_global("_forward_hooks", _Hook(hook, with_kwargs, always_call))


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, grad_output)` before the backward of every module."""
    return _add_global("_backward_pre_hooks", _Hook(hook))


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, grad_input, grad_output)` after the backward of every module."""
    return _add_global("_backward_hooks", _Hook(hook))


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, parameter)` wherever a module registers one; a result takes its place."""
    return add_hook(registration_hooks["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, buffer)` wherever a module registers one; a result takes its place."""
    return add_hook(registration_hooks["buffer"], hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(module, name, child)` wherever a module registers one; a result takes its place."""
    return add_hook(registration_hooks["module"], hook)
