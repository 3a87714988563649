"""`state_dict` and `load_state_dict`, with PyTorch's keys."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping

import plait
from plait import Tensor

from ..parameter import Parameter, UninitializedTensorMixin
from .hooks import RemovableHandle, add_hook, hook_table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # as typing.get_type_hints needs it, without the milliseconds that typing takes

_EXTRA_STATE_KEY_SUFFIX = "_extra_state"


class IncompatibleKeys(tuple):
    """What `load_state_dict` gives: `missing_keys` and `unexpected_keys`."""

    __slots__ = ()

    def __new__(cls, missing_keys: list[str], unexpected_keys: list[str]):
        """The two lists as a pair."""
        return super().__new__(cls, (missing_keys, unexpected_keys))

    @property
    def missing_keys(self) -> list[str]:
        """Keys of the module that the state_dict lacks."""
        return self[0]

    @property
    def unexpected_keys(self) -> list[str]:
        """Keys of the state_dict that the module lacks."""
        return self[1]

    def __repr__(self) -> str:
        if not self[0] and not self[1]:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self[0]}, unexpected_keys={self[1]})"


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{k}"' for k in keys)


class _WithoutModule:
    """A hook that takes no module, as one that does. It is copied and pickled with its module: a bound method
    of a module goes over to the copy.
    """

    __slots__ = ("hook",)

    def __init__(self, hook: Callable):
        self.hook = hook

    def __call__(self, module: Any, *args: Any) -> Any:
        return self.hook(*args)


class _ThatReturnsNone:
    """A state_dict hook of the public interface, which changes the state in place."""

    __slots__ = ("hook",)
    _from_public_api = True

    def __init__(self, hook: Callable):
        self.hook = hook

    def __call__(self, *args: Any) -> Any:
        return self.hook(*args)


class StateDict:
    """The part of Module that gives and takes its state."""

    _version: int
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_pre_hooks: dict[int, Callable]
    _state_dict_hooks: dict[int, Callable]
    _load_state_dict_pre_hooks: dict[int, Callable]
    _load_state_dict_post_hooks: dict[int, Callable]

    def get_extra_state(self) -> Any:
        """What else belongs to the state; a subclass that gives it gives `set_extra_state` too."""
        raise RuntimeError(f"{type(self).__name__}.get_extra_state is not defined, but the state asks for it")

    def set_extra_state(self, state: Any) -> None:
        """Takes what `get_extra_state` gave."""
        raise RuntimeError(
            f"{type(self).__name__}.set_extra_state is not defined, but the state_dict holds extra state for "
            "it"
        )

    def state_dict(
        self, *args: Any, destination: dict | None = None, prefix: str = "", keep_vars: bool = False
    ) -> dict:
        """The parameters and persistent buffers of the whole tree, by dotted name, detached but not copied.

        >>> list(plait.nn.BatchNorm1d(2).state_dict())
        ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']
        """
        if args:
            raise TypeError(
                f"{type(self).__name__}.state_dict: takes keyword arguments only (destination, prefix, "
                "keep_vars), got "
                f"{len(args)} positional"
            )
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()  # type: ignore[attr-defined]
        local_metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = local_metadata
        for hook in self.__dict__.get("_state_dict_pre_hooks", {}).values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, module in self._modules.items():
            if module is not None:
                module.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self.__dict__.get("_state_dict_hooks", {}).values():
            changed = hook(self, destination, prefix, local_metadata)
            if changed is not None:
                if getattr(hook, "_from_public_api", False):
                    raise RuntimeError(
                        "state_dict post-hook must return None; change the state_dict in place"
                    )
                destination = changed
        return destination

    def _save_to_state_dict(self, destination: dict, prefix: str, keep_vars: bool) -> None:
        for name, parameter in self._parameters.items():
            if parameter is not None:
                destination[prefix + name] = parameter if keep_vars else parameter.detach()
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent_buffers_set:
                destination[prefix + name] = buffer if keep_vars else buffer.detach()
        if type(self).get_extra_state is not StateDict.get_extra_state:
            destination[prefix + _EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()

    def register_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, prefix, keep_vars)` before the state is gathered."""
        return add_hook(hook_table(self, "_state_dict_pre_hooks"), hook)

    def register_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata)` on the gathered state, which it changes in
        place.
        """
        return add_hook(hook_table(self, "_state_dict_hooks"), _ThatReturnsNone(hook))

    def _register_state_dict_hook(self, hook: Callable) -> RemovableHandle:
        return add_hook(hook_table(self, "_state_dict_hooks"), hook)

    def register_load_state_dict_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, state_dict, prefix, local_metadata, strict, missing, unexpected, errors)`
        before loading.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable, with_module: bool = False
    ) -> RemovableHandle:
        if with_module:
            return add_hook(hook_table(self, "_load_state_dict_pre_hooks"), hook)
        return add_hook(hook_table(self, "_load_state_dict_pre_hooks"), _WithoutModule(hook))

    def register_load_state_dict_post_hook(self, hook: Callable) -> RemovableHandle:
        """Calls `hook(module, incompatible_keys)` after loading; it may edit the two lists in place."""
        return add_hook(hook_table(self, "_load_state_dict_post_hooks"), hook)

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copies the values of `state_dict` into the parameters and buffers of the tree.

        With `strict=False` missing and unexpected keys are only reported; with `assign` the given tensors
        take the place of the module's own, dtype and device included. Raises RuntimeError that lists every
        key and shape that does not fit.

        >>> a, b = plait.nn.Linear(2, 2), plait.nn.Linear(2, 2)
        >>> b.load_state_dict(a.state_dict())
        <All keys matched successfully>
        """
        if not hasattr(state_dict, "keys") or not hasattr(state_dict, "__getitem__"):
            raise TypeError(
                f"{type(self).__name__}.load_state_dict: state_dict should be dict-like, got "
                f"{type(state_dict).__name__}"
            )
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        metadata = getattr(state_dict, "_metadata", None)
        state = OrderedDict(state_dict)
        if metadata is not None:
            state._metadata = metadata  # type: ignore[attr-defined]

        def load(module: StateDict, local: dict, prefix: str) -> None:
            local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
            if assign:
                local_metadata = {**local_metadata, "assign_to_params_buffers": True}
            module._load_from_state_dict(local, prefix, local_metadata, True, missing, unexpected, errors)
            for name, child in module._modules.items():
                if child is not None:
                    below = f"{prefix}{name}."
                    load(child, {k: v for k, v in local.items() if k.startswith(below)}, below)
            keys = IncompatibleKeys(missing, unexpected)
            for hook in module.__dict__.get("_load_state_dict_post_hooks", {}).values():
                if hook(module, keys) is not None:
                    raise RuntimeError(
                        "load_state_dict post-hook must return None; edit missing_keys and unexpected_keys "
                        "in place"
                    )

        load(self, state, "")
        if strict:
            if unexpected:
                errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
            if missing:
                errors.insert(0, f"Missing key(s) in state_dict: {_quoted(missing)}. ")
        if errors:
            message = f"Error(s) in loading state_dict for {type(self).__name__}:\n\t" + "\n\t".join(errors)
            raise RuntimeError(message + _hint(missing, unexpected))
        return IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self,
        state_dict: dict,
        prefix: str,
        local_metadata: dict,
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        for hook in self.__dict__.get("_load_state_dict_pre_hooks", {}).values():
            hook(self, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        members = {k: v for k, v in self._parameters.items() if v is not None}
        hidden = self._non_persistent_buffers_set
        members.update({k: v for k, v in self._buffers.items() if v is not None and k not in hidden})
        for name, own in members.items():
            key = prefix + name
            if key in state_dict:
                error = self._load_member(name, key, own, state_dict[key], assign)
                if error:
                    error_msgs.append(error)
            elif strict:
                missing_keys.append(key)
        extra_key = prefix + _EXTRA_STATE_KEY_SUFFIX
        if type(self).set_extra_state is not StateDict.set_extra_state:
            if extra_key in state_dict:
                self.set_extra_state(state_dict[extra_key])
            elif strict:
                missing_keys.append(extra_key)
        elif strict and extra_key in state_dict:
            unexpected_keys.append(extra_key)
        if strict:
            for key in state_dict:
                if key.startswith(prefix) and key != extra_key:
                    name, dot, _ = key[len(prefix) :].partition(".")
                    if name not in (self._modules if dot else members):
                        unexpected_keys.append(key)

    def _load_member(self, name: str, key: str, own: Tensor, given: Any, assign: bool) -> str | None:
        """Loads one tensor; gives the message of what does not fit."""
        if not isinstance(given, Tensor):
            return (
                f'While copying the parameter named "{key}", expected plait.Tensor from checkpoint object '
                f"but received {type(given).__name__}; try plait.as_tensor(value)"
            )
        if isinstance(own, UninitializedTensorMixin) and isinstance(given, UninitializedTensorMixin):
            return None  # neither has a shape, or values, yet
        if given.shape != own.shape:
            if own.dim() == 0 and given.dim() == 1 and given.numel() == 1:
                given = given[0]  # checkpoints from before 0-d tensors
            else:
                return (
                    f"size mismatch for {key}: copying a param with shape {tuple(given.shape)} from "
                    "checkpoint, the shape "
                    f"in current model is {tuple(own.shape)}."
                )
        try:
            with plait.no_grad():
                if not assign:
                    own.copy_(given)
                elif isinstance(own, Parameter):
                    # requires_grad is the model's; a Parameter that is given stays the very same object
                    if not isinstance(given, Parameter):
                        given = Parameter(given, requires_grad=own.requires_grad)
                    else:
                        given.requires_grad_(own.requires_grad)
                    setattr(self, name, given)
                else:
                    setattr(self, name, given)
        except Exception as error:
            return (
                f'While copying the parameter named "{key}", whose dimensions in the model are '
                f"{tuple(own.shape)} and in the checkpoint {tuple(given.shape)}, an error came: {error}."
            )
        return None


def _hint(missing: list[str], unexpected: list[str]) -> str:
    """Names the prefix by which missing and unexpected keys differ, where that is all they differ by."""
    if not missing or not unexpected:
        return ""
    longer, shorter = sorted((missing[0], unexpected[0]), key=len, reverse=True)
    if not longer.endswith("." + shorter):
        return ""
    prefix = longer[: len(longer) - len(shorter)]
    where, what = ("checkpoint", "Strip it from") if longer == unexpected[0] else ("model", "Add it to")
    return f"\n\tThe keys of the {where} begin with '{prefix}'. {what} the keys of the state_dict."
