"""The base of the optimisers: parameter groups, per-parameter state, hooks, PyTorch's state_dict layout."""

from __future__ import annotations

from collections import OrderedDict, defaultdict

import plait
from plait._handles import RemovableHandle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

__all__ = ["Optimizer"]


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()


def _register(table: OrderedDict, hook: Callable, prepend: bool = False) -> RemovableHandle:
    handle = RemovableHandle(table)
    table[handle.id] = hook
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


_global_pre_hooks: OrderedDict = OrderedDict()
_global_post_hooks: OrderedDict = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` before the step of every optimiser."""
    Optimizer._hooked = True
    return _register(_global_pre_hooks, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Calls `hook(optimizer, args, kwargs)` after the step of every optimiser."""
    Optimizer._hooked = True
    return _register(_global_post_hooks, hook)


def _with_step_hooks(step: Callable) -> Callable:
    """Wraps the `step` of an outside subclass, so that hooks run around it and schedulers see the call."""
    from functools import wraps

    @wraps(step)
    def hooked(self, *args: Any, **kwargs: Any):
        # Of wrappers that derive from Optimizer without calling its __init__, the wrapped one has the hooks.
        if getattr(self, "_in_step", True):  # super().step() of a subclass: the outer call has run the hooks
            self._opt_called = True
            return step(self, *args, **kwargs)
        self._in_step = True
        try:
            args, kwargs = self._run_pre_hooks(args, kwargs)
            result = step(self, *args, **kwargs)
            self._run_post_hooks(args, kwargs)
        finally:
            self._in_step = False
        self._opt_called = True
        return result

    hooked._runs_hooks = True  # type: ignore[attr-defined]
    return hooked


class Optimizer:
    """Base class of all optimisers; subclasses implement `step`.

    Args:
        params: tensors, or dicts that describe groups (`{"params": [...], "lr": ...}`), or (name, tensor)
            pairs.
        defaults: the options that a group does not give itself.

    Raises TypeError for a lone tensor or something that is no tensor, ValueError for no parameter, for one
    that is not a leaf, or for one that stands in two groups.

    >>> w = plait.zeros(2, requires_grad=True)
    >>> opt = plait.optim.SGD([{"params": [w], "lr": 0.5}], lr=0.1)
    >>> opt.param_groups[0]["lr"]
    0.5
    """

    # Whether any step hook was ever registered: spares the usual step the look into four tables.
    _hooked = False
    _step_supports_amp_scaling = False  # does step() look at self.found_inf and self.grad_scale?
    _capturable = False  # does capturable=True let a captured graph count its steps?

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        step = cls.__dict__.get("step")
        if step is not None and not getattr(step, "_runs_hooks", False):
            cls.step = _with_step_hooks(step)  # type: ignore[method-assign]
        # A step of one's own may not look at what a gradient scaler has set, unless it says so.
        if step is not None and "_step_supports_amp_scaling" not in cls.__dict__:
            cls._step_supports_amp_scaling = False

    def _patch_step_function(self) -> None:
        """Nothing: a class's step runs hooks as soon as there are any. Wrappers of optimisers call this."""

    def __init__(self, params: Iterable, defaults: dict[str, Any]):
        if isinstance(params, plait.Tensor):
            raise TypeError(
                f"{type(self).__name__}: params should be an iterable of tensors or of dicts, got one "
                f"Tensor of shape {tuple(params.shape)}; try [tensor]"
            )
        self.defaults = defaults
        self._reset_runtime()
        self._state: defaultdict = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError(
                f"{type(self).__name__}: got an empty parameter list; give model.parameters() of a module "
                "that has parameters (an exhausted generator is empty, too)"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def _reset_runtime(self) -> None:
        """What is not part of the pickled object: hooks and the plans of fused steps."""
        self._plans: list = []  # see Note [Plans of fused steps]
        self._seen_plans: list = []  # those from before somebody read the state
        self._in_step = False
        self._opt_called = False
        self._scaled = False  # has a gradient scaler stepped? Note [Steps of a gradient scaler] in fused.py
        self._pre_hooks: OrderedDict = OrderedDict()
        self._post_hooks: OrderedDict = OrderedDict()
        self._state_dict_pre_hooks: OrderedDict = OrderedDict()
        self._state_dict_post_hooks: OrderedDict = OrderedDict()
        self._load_pre_hooks: OrderedDict = OrderedDict()
        self._load_post_hooks: OrderedDict = OrderedDict()

    @property
    def state(self) -> defaultdict:
        """Per-parameter state, `opt.state[p]["exp_avg"]`; reading it makes the next step look at every entry
        again.

        To replace an entry (rather than write into its tensor), read `opt.state` afresh: a step keeps lists
        of the state tensors and does not see a later assignment into a dict that you kept.
        """
        if self._plans:
            self._seen_plans = self._plans
            self._plans = []
        return self._state

    @state.setter
    def state(self, value: Any) -> None:
        self._plans = self._seen_plans = []
        self._state = value

    def __getstate__(self) -> dict[str, Any]:
        return {"defaults": self.defaults, "state": self._state, "param_groups": self.param_groups}

    def __setstate__(self, state: dict[str, Any]) -> None:
        if "_plans" not in self.__dict__:
            self._reset_runtime()
        self._plans = self._seen_plans = []
        self.__dict__.update({k: v for k, v in state.items() if k != "state"})
        if "state" in state:
            self._state = state["state"]
        for group in self.param_groups:
            for name, default in self.defaults.items():
                group.setdefault(name, default)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    # ---- captured graphs

    def _refuse_capture(self, why: str) -> None:
        if plait.cuda.is_current_stream_capturing():
            raise RuntimeError(f"{type(self).__name__}: a graph is being captured, and {why}")

    def _refuse_host_count(self) -> None:
        self._refuse_capture(
            "each replay would repeat this step's number, which is counted on the host; "
            + (
                "make the optimiser with capturable=True"
                if self._capturable
                else "call step() after the replay, or use an optimiser that takes capturable=True"
            )
        )

    def _counts_on_device(self, group: dict, device: Any) -> bool:
        return self._capturable and device.type == "cuda" and bool(group["capturable"] or self._scaled)

    # ---- groups

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Adds a group, e.g. layers unfrozen while fine-tuning: `{"params": tensors, option: value, ...}`."""
        who = type(self).__name__
        if not isinstance(param_group, dict):
            raise TypeError(f"{who}: a parameter group should be a dict, got {type(param_group).__name__}")
        if "params" not in param_group:
            raise ValueError(
                f"{who}: a parameter group needs the key 'params', got only {sorted(param_group)}"
            )
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                f"{who}: params should be in an order that stays the same, got a set; give a list"
            )
        params = [params] if isinstance(params, plait.Tensor) else list(params)
        named = [isinstance(p, tuple) for p in params]
        if any(named):
            if not all(named):
                raise ValueError(f"{who}: give a name for all parameters of a group or for none")
            param_group["param_names"] = [name for name, _ in params]
            params = [p for _, p in params]
        if self.param_groups and ("param_names" in self.param_groups[0]) != ("param_names" in param_group):
            raise ValueError(f"{who}: all groups should have named parameters, or none")
        for i, p in enumerate(params):
            if not isinstance(p, plait.Tensor):
                hint = "; give module.parameters()" if isinstance(p, plait.nn.Module) else ""
                raise TypeError(f"{who}: params[{i}] should be a Tensor, got {type(p).__name__}{hint}")
            if not (p.is_leaf or getattr(p, "retains_grad", False) or self.defaults.get("differentiable")):
                op = p.grad_fn.name() if p.grad_fn is not None else "unknown"
                raise ValueError(
                    f"{who}: params[{i}] of shape {tuple(p.shape)} is the result of an op ({op}), "
                    "not a leaf; optimise the tensor it was computed from, or its .detach().requires_grad_()"
                )
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"{who}: the option {name!r} has no default and is not in the group")
            param_group.setdefault(name, default)
        ids = [id(p) for p in params]
        if len(set(ids)) != len(ids):
            import warnings

            warnings.warn(
                f"{who}: a parameter group holds the same tensor twice; it is updated twice", stacklevel=3
            )
        seen = {id(p) for group in self.param_groups for p in group["params"]}
        if not seen.isdisjoint(ids):
            raise ValueError(f"{who}: some parameters appear in more than one parameter group")
        param_group["params"] = params
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops the gradients, or writes zeros into them if `set_to_none` is false."""
        if set_to_none:
            for group in self.param_groups:
                for p in group["params"]:
                    p.grad = None
            return
        grads = [g for group in self.param_groups for p in group["params"] if (g := p.grad) is not None]
        for grad in grads:
            if grad.grad_fn is not None:
                grad.detach_()
            else:
                grad.requires_grad_(False)
        if grads:
            plait._foreach_zero_(grads)

    # ---- hooks

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` before each step; it may return new (args, kwargs)."""
        self._hooked = True
        return _register(self._pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(optimizer, args, kwargs)` after each step."""
        self._hooked = True
        return _register(self._post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` before `state_dict()`."""
        return _register(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` after `state_dict()`; what it returns, if anything, is used
        instead.
        """
        return _register(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer, state_dict)` before `load_state_dict()`; what it returns, if anything, is
        loaded.
        """
        return _register(self._load_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Calls `hook(optimizer)` after `load_state_dict()`."""
        return _register(self._load_post_hooks, hook, prepend)

    def _run_pre_hooks(self, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        for hook in (*_global_pre_hooks.values(), *self._pre_hooks.values()):
            result = hook(self, args, kwargs)
            if result is not None:
                if not isinstance(result, tuple) or len(result) != 2:
                    raise RuntimeError(
                        f"{type(self).__name__}: a step pre-hook should return None or (args, kwargs), "
                        f"got {result!r}"
                    )
                args, kwargs = result
        return args, kwargs

    def _run_post_hooks(self, args: tuple, kwargs: dict) -> None:
        for hook in (*self._post_hooks.values(), *_global_post_hooks.values()):
            hook(self, args, kwargs)

    # ---- state_dict

    def state_dict(self) -> dict[str, Any]:
        """The state in PyTorch's layout: {"state": {index: {...}}, "param_groups": [{..., "params":
        [index]}]}.

        The tensors are those of the optimiser, not copies.
        """
        for hook in self._state_dict_pre_hooks.values():
            hook(self)
        index: dict[int, int] = {}
        packed_groups = []
        for group in self.param_groups:
            for p in group["params"]:
                index.setdefault(id(p), len(index))
            packed = {k: v for k, v in group.items() if k != "params"}
            packed["params"] = [index[id(p)] for p in group["params"]]
            packed_groups.append(packed)
        packed_state = {
            (index[id(key)] if isinstance(key, plait.Tensor) else key): value
            for key, value in self.state.items()
        }
        result: dict[str, Any] = {"state": packed_state, "param_groups": packed_groups}
        for hook in self._state_dict_post_hooks.values():
            changed = hook(self, result)
            if changed is not None:
                result = changed
        return result

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over a state that `state_dict()` gave; tensors are copied to the parameters' dtype and
        device.

        Raises ValueError when the groups or their sizes differ.
        """
        state_dict = dict(state_dict)
        for hook in self._load_pre_hooks.values():
            changed = hook(self, state_dict)
            if changed is not None:
                state_dict = changed
        who = type(self).__name__
        for key in ("state", "param_groups"):
            if key not in state_dict:
                raise ValueError(
                    f"{who}.load_state_dict: expected the keys 'state' and 'param_groups', got "
                    f"{sorted(state_dict)}; "
                    "is this a model's state_dict?"
                )
        from copy import deepcopy

        groups, saved_groups = self.param_groups, deepcopy(state_dict["param_groups"])
        if len(groups) != len(saved_groups):
            raise ValueError(
                f"{who}.load_state_dict: the state has {len(saved_groups)} parameter groups, the optimiser "
                f"{len(groups)}; build it with the same groups"
            )
        for i, (group, saved) in enumerate(zip(groups, saved_groups)):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    f"{who}.load_state_dict: group {i} of the state has {len(saved['params'])} "
                    "parameters, that of "
                    f"the optimiser {len(group['params'])}; build the same model first"
                )
        by_index = {
            index: p
            for saved, group in zip(saved_groups, groups)
            for index, p in zip(saved["params"], group["params"])
        }
        state: defaultdict = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in by_index:
                state[by_index[key]] = _to_param(by_index[key], value)
            else:
                state[key] = value
        new_groups = []
        for group, saved in zip(groups, saved_groups):
            saved["params"] = group["params"]
            if "param_names" in group:
                saved.setdefault("param_names", group["param_names"])
            new_groups.append(saved)
        self.__setstate__({"state": state, "param_groups": new_groups})
        for hook in self._load_post_hooks.values():
            hook(self)

    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Does one update; `closure`, if given, computes the loss and its gradients anew and returns the
        loss.
        """
        raise NotImplementedError(f"{type(self).__name__} does not implement step()")


def _is_one_tensor(entries: list, device: Any) -> bool:
    """Are these numbers of the parameters, in order, neighbours in one float32 tensor on the device?"""
    first = entries[0]
    if not all(isinstance(e, plait.Tensor) and e.device == device and e.numel() == 1 for e in entries):
        return False
    begin, size = first.data_ptr(), first.element_size()
    return all(e.dtype == plait.float32 and e.data_ptr() == begin + k * size for k, e in enumerate(entries))


def _gathered(states: list[dict], name: str, device: Any) -> Any:
    """The 0-d entries `name` as one float32 tensor on the device, of which they become views.

    That which they are views of already, if it is one: captured graphs may count in it. Nothing waits.
    """
    entries = [state[name] for state in states]
    if _is_one_tensor(entries, device):
        return entries[0].as_strided((len(entries),), (1,))
    entries = [plait.as_tensor(e, dtype=plait.float32, device=device).reshape(()) for e in entries]
    together = plait.stack(entries)
    for k, state in enumerate(states):
        state[name] = together[k]
    return together


def _to_param(param: Any, value: Any, key: str | None = None) -> Any:
    """A copy of a loaded state value in the parameter's dtype and on its device; counts keep their dtype."""
    if isinstance(value, plait.Tensor):
        if key in ("step", "mu_product"):
            return value.clone()
        # Beside a complex parameter stand real numbers, too, such as ASGD's eta.
        if param.is_floating_point() or (param.is_complex() and value.is_complex()):
            return value.to(dtype=param.dtype, device=param.device, copy=True)
        return value.to(device=param.device, copy=True)
    if isinstance(value, dict):
        return {k: _to_param(param, v, k) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(_to_param(param, v) for v in value)
    return value
