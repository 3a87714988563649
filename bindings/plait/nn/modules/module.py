"""Module: a tree of parameters, buffers and children.

Note [Attributes of a Module]
`_parameters`, `_buffers` and `_modules` are the tables that own a module's members, in order. Each member
stands in the module's `__dict__` too, so that `self.weight` is an ordinary attribute look-up and not a failed
one followed by a search in three tables. A table writes through to the `__dict__` of its module (which it
holds weakly: a model is freed the moment its last reference goes), so code that edits the tables directly, as
many libraries do, keeps working.
"""

from __future__ import annotations

from _weakref import ref

import plait
from plait import Tensor

from ..parameter import Buffer, Parameter
from .hooks import (  # noqa: F401  (PyTorch documents register_module_... as names of this module)
    HOOK_TABLES,
    HookedCall,
    hook_table,
    register_module_buffer_registration_hook,
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
    register_module_module_registration_hook,
    register_module_parameter_registration_hook,
    registered,
    registration_hooks,
)
from .state import _EXTRA_STATE_KEY_SUFFIX as _EXTRA_STATE_KEY_SUFFIX  # read by libraries, from here
from .state import IncompatibleKeys as _IncompatibleKeys  # noqa: F401
from .state import StateDict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, Self

__all__ = ["Module"]

_MISSING = object()
_global_parameter_registration_hooks = registration_hooks["parameter"]  # read by libraries, from here


class _Table(dict):
    """The parameters, buffers or children of one module. See Note [Attributes of a Module]."""

    __slots__ = ("_owner",)

    def __init__(self, owner: Module, items: dict | None = None):
        super().__init__()
        self._owner = ref(owner)
        if items:
            self.update(items)

    def _attributes(self) -> dict:
        owner = self._owner()
        return {} if owner is None else owner.__dict__

    def __setitem__(self, name: str, value: Any) -> None:
        super().__setitem__(name, value)
        self._attributes()[name] = value

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self._attributes().pop(name, None)

    def pop(self, name: str, default: Any = _MISSING) -> Any:
        if name not in self and default is not _MISSING:
            return default
        value = self[name]
        del self[name]
        return value

    def popitem(self) -> tuple[str, Any]:
        name, value = super().popitem()
        self._attributes().pop(name, None)
        return name, value

    def clear(self) -> None:
        for name in list(self):
            del self[name]

    def update(self, *args: Any, **kwargs: Any) -> None:
        for name, value in dict(*args, **kwargs).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        if name not in self:
            self[name] = default
        return self[name]

    def __ior__(self, other: Any) -> Self:  # type: ignore[misc]
        self.update(other)
        return self

    def move_to_end(self, name: str, last: bool = True) -> None:
        """As OrderedDict's."""
        value = super().pop(name)
        rest = {} if last else dict(self)
        if not last:
            super().clear()
        super().__setitem__(name, value)
        super().update(rest)

    def __reduce__(self):
        return dict, (dict(self),)


_TABLES = ("_parameters", "_buffers", "_modules")


def _kind(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}" if value is not None else "None"


class Module(HookedCall, StateDict):
    """Base class of all layers and models: give it attributes in `__init__` and a `forward`.

    Parameters, buffers and modules that are assigned to attributes are registered under the attribute's name.

    >>> class Net(plait.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = plait.nn.Linear(4, 2)
    ...     def forward(self, x):
    ...         return self.fc(x).relu()
    >>> net = Net()
    >>> net(plait.zeros(3, 4)).shape
    plait.Size([3, 2])
    >>> [name for name, _ in net.named_parameters()]
    ['fc.weight', 'fc.bias']
    """

    training: bool
    _version = 1

    def __init__(self, *args: Any, **kwargs: Any):
        if args or kwargs:
            got = [repr(a) for a in args] + [f"{k}={v!r}" for k, v in kwargs.items()]
            raise TypeError(
                f"{type(self).__name__}.__init__: Module takes no arguments, got {', '.join(got)}; take them "
                "in the subclass and call super().__init__() without any"
            )
        attributes = self.__dict__
        attributes["training"] = True
        attributes["_parameters"] = _Table(self)
        attributes["_buffers"] = _Table(self)
        attributes["_modules"] = _Table(self)
        attributes["_non_persistent_buffers_set"] = set()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The computation; every subclass gives its own."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function; define '
            f"{type(self).__name__}.forward(self, ...)"
        )

    # ---- attributes

    def __getattr__(self, name: str) -> Any:
        # Reached only when the ordinary look-up failed. See Note [Attributes of a Module].
        if name in HOOK_TABLES and "_modules" in self.__dict__:
            return hook_table(self, name)
        for kind in _TABLES:  # libraries call this method, or put tables of their own past __setattr__
            members = self.__dict__.get(kind, ())
            if name in members:
                return members[name]
        descriptor = getattr(type(self), name, None)
        if isinstance(descriptor, property) and descriptor.fget is not None:
            return descriptor.fget(self)  # its getter raised AttributeError: show that one, not ours
        message = f"'{type(self).__name__}' object has no attribute '{name}'"
        if "_modules" not in self.__dict__:
            message += f"; {type(self).__name__}.__init__ has not called super().__init__()"
        raise AttributeError(message, name=name, obj=self)

    def __setattr__(self, name: str, value: Any) -> None:
        attributes = self.__dict__
        parameters = attributes.get("_parameters")
        if isinstance(value, Parameter):
            self._drop(name, "a parameter", keep="_parameters")
            self.register_parameter(name, value)
        elif parameters is not None and name in parameters:
            if value is not None:
                hint = ""
                if isinstance(value, Tensor):
                    hint = f"; wrap it in plait.nn.Parameter, or copy values: module.{name}.data.copy_(value)"
                raise TypeError(
                    f"{type(self).__name__}: cannot assign '{_kind(value)}' as parameter '{name}' "
                    f"(plait.nn.Parameter or None expected){hint}"
                )
            parameters[name] = None
        elif isinstance(value, Module):
            self._drop(name, "a module", keep="_modules")
            attributes["_modules"][name] = registered("module", self, name, value)
        elif isinstance(value, Buffer):
            self._drop(name, "a buffer", keep="_buffers")
            self.register_buffer(name, value, value.persistent)
        elif parameters is None:  # before Module.__init__: plain attributes are fine
            super().__setattr__(name, value)
        elif name in attributes["_modules"]:
            if value is not None:
                raise TypeError(
                    f"{type(self).__name__}: cannot assign '{_kind(value)}' as child module '{name}' "
                    "(plait.nn.Module or None expected); `del` the attribute first to change its kind"
                )
            attributes["_modules"][name] = None
        elif name in attributes["_buffers"]:
            if value is not None and not isinstance(value, Tensor):
                raise TypeError(
                    f"{type(self).__name__}: cannot assign '{_kind(value)}' as buffer '{name}' "
                    "(plait.Tensor, plait.nn.Buffer or None expected)"
                )
            attributes["_buffers"][name] = value
        elif name in _TABLES:
            for stale in list(attributes[name]):
                attributes.pop(stale, None)
            attributes[name] = _Table(self, value)
        else:
            super().__setattr__(name, value)

    def _drop(self, name: str, what: str, keep: str) -> None:
        """Forgets `name` as anything but what it is about to become."""
        attributes = self.__dict__
        if "_modules" not in attributes:
            raise AttributeError(
                f"{type(self).__name__}: cannot assign {what} to '{name}' before Module.__init__() call; "
                f"call super().__init__() first in {type(self).__name__}.__init__"
            )
        for table in _TABLES:
            if table != keep and name in attributes[table]:
                del attributes[table][name]
        if keep != "_buffers":
            attributes["_non_persistent_buffers_set"].discard(name)
        if name not in attributes[keep]:
            attributes.pop(name, None)

    def __delattr__(self, name: str) -> None:
        for table in _TABLES:
            if name in self.__dict__.get(table, ()):
                del self.__dict__[table][name]
                self._non_persistent_buffers_set.discard(name)
                return
        super().__delattr__(name)

    def __dir__(self) -> list[str]:
        return sorted(name for name in {*dir(type(self)), *self.__dict__} if not name[0].isdigit())

    def __getstate__(self) -> dict[str, Any]:
        state = dict(self.__dict__)
        for table in _TABLES:
            members = state.get(table)
            if members is not None:
                for name in members:
                    state.pop(name, None)
                state[table] = dict(members)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({k: v for k, v in state.items() if k not in _TABLES})
        for table in _TABLES:
            self.__dict__[table] = _Table(self, state.get(table))

    # ---- registration

    def _check_name(self, kind: str, name: str, table: str) -> None:
        if "_modules" not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__}: cannot register {kind} '{name}' before Module.__init__() call; call "
                f"super().__init__() first in {type(self).__name__}.__init__"
            )
        if not isinstance(name, str):
            raise TypeError(f"{kind} name should be a string, got {_kind(name)}")
        if name == "" or "." in name:
            raise KeyError(f'{kind} name should be a non-empty string without ".", got "{name}"')
        if name not in self.__dict__[table] and hasattr(self, name):
            raise KeyError(
                f"attribute '{name}' already exists in {type(self).__name__}; choose another {kind} name"
            )

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Adds a parameter (or None, a place for one) under `name`.

        Raises TypeError where `param` is no Parameter, KeyError where the name is taken, ValueError where
        `param` is the result of a computation.
        """
        self._check_name("parameter", name, "_parameters")
        if param is not None:
            if not isinstance(param, Parameter):
                raise TypeError(
                    f"{type(self).__name__}: cannot assign '{_kind(param)}' object to parameter '{name}' "
                    "(plait.nn.Parameter or None required)"
                )
            if param.grad_fn is not None:
                raise ValueError(
                    f"{type(self).__name__}: cannot assign a tensor with a grad_fn to parameter '{name}': "
                    "parameters are "
                    "leaves; compute the value in forward(), or register Parameter(value.detach())"
                )
        self._parameters[name] = registered("parameter", self, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Adds a tensor that is moved with the module but is no parameter; `persistent`: kept in the
        state_dict.

        >>> m = plait.nn.Module()
        >>> m.register_buffer("steps", plait.zeros(1), persistent=False)
        >>> len(m.state_dict()), m.steps
        (0, tensor([0.]))
        """
        self._check_name("buffer", name, "_buffers")
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(
                f"{type(self).__name__}: cannot assign '{_kind(tensor)}' object to buffer '{name}' "
                "(plait.Tensor or None required)"
            )
        self._buffers[name] = registered("buffer", self, name, tensor)
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        else:
            self._non_persistent_buffers_set.add(name)

    def add_module(self, name: str, module: Module | None) -> None:
        """Adds a child module (or None, a place for one) under `name`."""
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"{type(self).__name__}.add_module: {_kind(module)} is not a Module subclass")
        self._check_name("module", name, "_modules")
        self._modules[name] = registered("module", self, name, module)

    register_module = add_module

    def get_submodule(self, target: str) -> Module:
        """The module at a dotted path; "" is the module itself. Raises AttributeError that names the step
        that failed.
        """
        module = self
        for step in target.split(".") if target else ():
            if not hasattr(module, step):
                raise AttributeError(
                    f"{type(module).__name__} has no attribute `{step}` (looking for '{target}'); its "
                    f"children are {list(module._modules)}"
                )
            module = getattr(module, step)
            if not isinstance(module, Module):
                raise AttributeError(
                    f"`{step}` is not an nn.Module but {_kind(module)} (looking for '{target}')"
                )
        return module

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Puts `module` at a dotted path; with `strict` the path must exist already."""
        path, _, name = target.rpartition(".")
        if not name:
            raise ValueError("set_submodule: target should be a non-empty dotted path, got ''")
        if not isinstance(module, Module):
            raise ValueError(f"set_submodule: module should be an nn.Module, got {_kind(module)}")
        parent = self.get_submodule(path)
        if strict and name not in parent._modules:
            raise AttributeError(
                f"{type(parent).__name__} has no attribute `{name}` (strict=True, target '{target}')"
            )
        if name not in parent._modules and hasattr(parent, name):
            raise AttributeError(f"`{name}` is not an nn.Module (target '{target}')")
        setattr(parent, name, module)

    def _get_member(self, target: str, table: str, kind: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        if not hasattr(module, name):
            raise AttributeError(
                f"{type(module).__name__} has no attribute `{name}` (looking for '{target}')"
            )
        if name not in getattr(module, table):
            raise AttributeError(f"`{name}` is not {kind} (looking for '{target}')")
        return getattr(module, name)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter at a dotted path.

        >>> plait.nn.Sequential(plait.nn.Linear(2, 3)).get_parameter("0.bias").shape
        plait.Size([3])
        """
        return self._get_member(target, "_parameters", "an nn.Parameter")

    def get_buffer(self, target: str) -> Tensor:
        """The buffer at a dotted path."""
        return self._get_member(target, "_buffers", "a buffer")

    # ---- traversal

    def _named_members(
        self, members_of: Callable, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        seen = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, value in members_of(module):
                if value is None or value in seen:
                    continue
                if remove_duplicate:
                    seen.add(value)
                yield (f"{path}.{name}" if path else name), value

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Iterates over the parameters, each once."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Iterates over (dotted name, parameter)."""
        return self._named_members(lambda m: list(m._parameters.items()), prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Iterates over the buffers, each once."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Iterates over (dotted name, buffer)."""
        return self._named_members(lambda m: list(m._buffers.items()), prefix, recurse, remove_duplicate)

    def children(self) -> Iterator[Module]:
        """Iterates over the direct children."""
        for _, module in self.named_children():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Iterates over (name, direct child), each child once."""
        seen = set()
        for name, module in self._modules.items():
            if module is not None and module not in seen:
                seen.add(module)
                yield name, module

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Iterates over the module itself and all below it, each once."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Iterates over (dotted path, module), the module itself first."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, module in self._modules.items():
            if module is not None:
                below = f"{prefix}.{name}" if prefix else name
                yield from module.named_modules(memo, below, remove_duplicate)

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Calls `fn` on every module below, then on this one; returns self.

        >>> net = plait.nn.Sequential(plait.nn.Linear(2, 2), plait.nn.ReLU())
        >>> _ = net.apply(lambda m: print(type(m).__name__))
        Linear
        ReLU
        Sequential
        """
        for module in self.children():
            module.apply(fn)
        fn(self)
        return self

    # ---- modes and gradients

    def train(self, mode: bool = True) -> Self:
        """Sets training mode (or, with False, evaluation mode) here and below; returns self."""
        if not isinstance(mode, bool):
            raise ValueError(f"{type(self).__name__}.train: mode should be a bool, got {_kind(mode)}")
        self.training = mode
        for module in self.children():
            module.train(mode)
        return self

    def eval(self) -> Self:
        """Sets evaluation mode; the same as `train(False)`."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Says of every parameter whether it gets a gradient; returns self."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Drops (or, with `set_to_none=False`, zeroes) the gradient of every parameter."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad = plait.zeros_like(parameter.grad)

    # ---- moving and casting

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Puts `fn(t)` in place of each parameter, gradient and buffer; parameters keep their identity."""
        if recurse:
            for module in self.children():
                module._apply(fn)
        with plait.no_grad():
            for parameter in self._parameters.values():
                if parameter is None:
                    continue
                grad = parameter.grad
                if grad is not None:
                    parameter.grad = None
                    grad = fn(grad)
                parameter.data = fn(parameter.data)
                if grad is not None:
                    parameter.grad = grad
            for name, buffer in list(self._buffers.items()):
                if buffer is not None:
                    self._buffers[name] = fn(buffer)
        return self

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """Moves and casts in place: `to(device)`, `to(dtype)`, `to(device, dtype)`, `to(tensor)`,
        `memory_format=`.

        Only floating point and complex members are cast. Returns self.

        >>> plait.nn.Linear(2, 2).to(plait.float64).weight.dtype
        plait.float64
        """
        from .to import parse_to

        return self._apply(parse_to(type(self).__name__, args, kwargs))

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Moves to `device` without copying the values."""
        return self._apply(lambda t: plait.empty(tuple(t.shape), dtype=t.dtype, device=device), recurse)

    def cpu(self) -> Self:
        """Moves everything to the CPU."""
        return self._apply(lambda t: t.cpu())

    def cuda(self, device: Any = None) -> Self:
        """Moves everything to a GPU (the current one, an index, or a device)."""
        return self._apply(lambda t: t.cuda(device))

    def type(self, dst_type: Any) -> Self:
        """Casts every parameter and buffer, integers too, to `dst_type`."""
        return self._apply(lambda t: t.type(dst_type))

    def _cast(self, dtype: Any) -> Self:
        return self._apply(lambda t: t.to(dtype) if t.is_floating_point() else t)

    def float(self) -> Self:
        """Casts floating point members to float32."""
        return self._cast(plait.float32)

    def double(self) -> Self:
        """Casts floating point members to float64."""
        return self._cast(plait.float64)

    def half(self) -> Self:
        """Casts floating point members to float16."""
        return self._cast(plait.float16)

    def bfloat16(self) -> Self:
        """Casts floating point members to bfloat16."""
        return self._cast(plait.bfloat16)

    def share_memory(self) -> Self:
        """`share_memory_` of every parameter and buffer, which raises: threads share modules as they are."""
        return self._apply(lambda t: t.share_memory_())

    # ---- repr

    def _get_name(self) -> str:
        return type(self).__name__

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing: plait is eager, see plait.compile."""

    def extra_repr(self) -> str:
        """What stands between the parentheses of the repr, for subclasses to give."""
        return ""

    def __repr__(self) -> str:
        extra = self.extra_repr()
        extra_lines = extra.split("\n") if extra else []
        child_lines = [f"({name}): {indented(repr(module))}" for name, module in self._modules.items()]
        lines = extra_lines + child_lines
        if not lines:
            return self._get_name() + "()"
        if len(extra_lines) == 1 and not child_lines:
            return f"{self._get_name()}({extra_lines[0]})"
        return self._get_name() + "(\n  " + "\n  ".join(lines) + "\n)"


def indented(text: str, by: int = 2) -> str:
    """`text` with every line but the first moved right."""
    return text.replace("\n", "\n" + " " * by)
