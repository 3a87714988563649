"""Parametrizations: a parameter or buffer that is computed from others each time it is read.

Note [Parametrized attributes]
The module's class becomes a subclass of its own, made for this one module, in which the attribute is a
property. `module.parametrizations[name]` is the list of modules that compute it; the list owns what they
compute it from: `original`, or `original0`, `original1`, ... where right_inverse gives several tensors.
"""

from __future__ import annotations

import contextlib
import copy

import plait
from plait import Tensor

from ..modules.container import ModuleDict, ModuleList
from ..modules.module import Module
from ..parameter import Parameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_cache: dict[tuple[int, str], Tensor] = {}
_caching = 0


@contextlib.contextmanager
def cached() -> Iterator[None]:
    """Within it each parametrized tensor is computed once, however often it is read.

    >>> with plait.nn.utils.parametrize.cached():
    ...     pass
    """
    global _caching
    _caching += 1
    try:
        yield
    finally:
        _caching -= 1
        if not _caching:
            _cache.clear()


def _register(owner: Module, name: str, value: Tensor) -> None:
    if isinstance(value, Parameter):
        owner.register_parameter(name, value)
    else:
        owner.register_buffer(name, value)


class ParametrizationList(ModuleList):
    """The modules that compute one tensor, in order, and the tensors they compute it from."""

    def __init__(self, modules: Any, original: Tensor, unsafe: bool = False):
        modules = list(modules)
        if not modules:
            raise ValueError("ParametrizationList: expected one or more modules, got none")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        with plait.no_grad():
            new: Any = original
            for module in reversed(modules):
                if hasattr(module, "right_inverse"):
                    try:
                        new = module.right_inverse(new)
                    except NotImplementedError:
                        pass
        self.is_tensor = isinstance(new, Tensor)
        if not self.is_tensor and not isinstance(new, (list, tuple)):
            raise ValueError(
                f"right_inverse of {type(modules[0]).__name__}: expected a Tensor or several, got "
                f"{type(new).__name__}"
            )
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            if new.dtype != dtype:
                raise ValueError(
                    f"right_inverse: expected dtype {dtype}, that of the tensor, got {new.dtype}; pass "
                    "unsafe=True where that is meant"
                )
            with plait.no_grad():
                original.data = new  # the Parameter stays the same object: optimisers hold it
            _register(self, "original", original)
        else:
            for i, each in enumerate(new):
                if not isinstance(each, Tensor):
                    raise ValueError(f"right_inverse: expected Tensors, got {type(each).__name__} at {i}")
                if isinstance(original, Parameter):
                    each = Parameter(each, requires_grad=original.requires_grad and each.is_floating_point())
                _register(self, f"original{i}", each)
        if not unsafe:
            result = self()
            if not isinstance(result, Tensor) or result.dtype != dtype or result.shape != shape:
                got = (
                    f"{tuple(result.shape)} and {result.dtype}"
                    if isinstance(result, Tensor)
                    else type(result).__name__
                )
                raise ValueError(
                    f"parametrization: expected a Tensor of shape {tuple(shape)} and dtype {dtype} like the "
                    f"original, got {got}; pass unsafe=True where that is meant"
                )

    def _originals(self) -> list[Tensor]:
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Tensor) -> None:
        """Sets the originals so that the tensor becomes `value`."""
        with plait.no_grad():
            new: Any = value
            for module in reversed(list(self)):
                if not hasattr(module, "right_inverse"):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse: its "
                        "tensor cannot be assigned"
                    )
                new = module.right_inverse(new)
            new = [new] if self.is_tensor else list(new)
            if len(new) != self.ntensors:
                raise ValueError(f"right_inverse: expected {self.ntensors} tensors, got {len(new)}")
            for original, each in zip(self._originals(), new, strict=True):
                if each.shape != original.shape:
                    raise ValueError(
                        f"right_inverse: expected shape {tuple(original.shape)}, got {tuple(each.shape)}"
                    )
                original.copy_(each)

    def forward(self) -> Tensor:
        """The tensor, computed from the originals."""
        modules = list(self)
        value = modules[0](*self._originals())
        for module in modules[1:]:
            value = module(value)
        return value


def _property(name: str) -> property:
    def get(self: Any) -> Tensor:
        if not _caching:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache:
            _cache[key] = self.parametrizations[name]()
        return _cache[key]

    def set_(self: Any, value: Tensor) -> None:
        _cache.pop((id(self), name), None)
        self.parametrizations[name].right_inverse(value)

    return property(get, set_)


def _own_class(module: Module, base: Any) -> None:
    """See Note [Parametrized attributes]."""

    def getstate(self: Any) -> Any:
        raise RuntimeError(
            "pickle: a parametrized module can only be saved by its state_dict(); call "
            "remove_parametrizations to save it whole"
        )

    def deepcopy(self: Any, memo: dict) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        new = base.__new__(base)
        memo[id(self)] = new
        new.__setstate__(copy.deepcopy(Module.__getstate__(self), memo))
        _own_class(new, base)
        for name in self.parametrizations:
            setattr(type(new), name, _property(name))
        return new

    members = {"__getstate__": getstate, "__deepcopy__": deepcopy, "__module__": base.__module__}
    module.__class__ = type(f"Parametrized{base.__name__}", (base,), members)


def _check_like(what: str, parametrization: Module, got: Any, before: Tensor) -> None:
    if not isinstance(got, Tensor) or got.shape != before.shape or got.dtype != before.dtype:
        text = f"{tuple(got.shape)} and {got.dtype}" if isinstance(got, Tensor) else type(got).__name__
        raise ValueError(
            f"{type(parametrization).__name__}.{what}: expected a Tensor of shape {tuple(before.shape)} and "
            f"dtype {before.dtype}, that of the parametrized tensor, got {text}; pass unsafe=True where that "
            "is meant"
        )


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Has a parameter or buffer of the module computed by `parametrization` from now on; a second one takes
    the result of the first. Returns the module.

    Where the parametrization has `right_inverse(value)`, the tensor can be assigned, and the original of a
    first one starts as its result. `unsafe`: the result may have another shape or dtype.

    >>> class Symmetric(plait.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).transpose(-1, -2)
    >>> m = plait.nn.utils.parametrize.register_parametrization(
    ...     plait.nn.Linear(3, 3), "weight", Symmetric())
    >>> bool((m.weight == m.weight.T).all())
    True
    >>> [name for name, _ in m.named_parameters()]
    ['bias', 'parametrizations.weight.original']
    """
    if not isinstance(parametrization, Module):
        raise TypeError(
            f"register_parametrization: expected an nn.Module, got {type(parametrization).__name__}"
        )
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        chain = module.parametrizations[tensor_name]
        with plait.no_grad():
            before = getattr(module, tensor_name)
            after = parametrization(before)
            if not unsafe:
                _check_like("forward", parametrization, after, before)
                if hasattr(parametrization, "right_inverse"):
                    with contextlib.suppress(NotImplementedError):
                        inverse = parametrization.right_inverse(after)
                        _check_like("right_inverse", parametrization, inverse, before)
        chain.append(parametrization)
        chain.unsafe |= unsafe
    elif tensor_name in module._parameters or tensor_name in module._buffers:
        original = getattr(module, tensor_name)
        if original is None:
            raise ValueError(f"register_parametrization: {type(module).__name__}.{tensor_name} is None")
        chain = ParametrizationList([parametrization], original, unsafe)
        chain.train(module.training)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            _own_class(module, type(module))
            module.parametrizations = ModuleDict()
        setattr(type(module), tensor_name, _property(tensor_name))
        module.parametrizations[tensor_name] = chain
    else:
        raise ValueError(
            f"register_parametrization: {type(module).__name__} has no parameter or buffer '{tensor_name}'; "
            f"it has {[*module._parameters, *module._buffers]}"
        )
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Has the module a parametrization, of this tensor?"""
    chains = module.__dict__.get("parametrizations")
    if not isinstance(chains, ModuleDict):
        return False
    return len(chains) > 0 if tensor_name is None else tensor_name in chains


def type_before_parametrizations(module: Module) -> type:
    """The class that the module was made of."""
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Gives the parametrizations of one module, or those of one tensor, and what they compute from, to
    another: both then share them. A tensor that `to_module` lacks is made. Returns `to_module`.

    >>> nn, parametrize = plait.nn, plait.nn.utils.parametrize
    >>> a = parametrize.register_parametrization(nn.Linear(2, 2), "weight", nn.Tanh())
    >>> b = parametrize.transfer_parametrizations_and_params(a, nn.Linear(2, 2))
    >>> bool((a.weight == b.weight).all()), bool((a.bias == b.bias).all())
    (True, False)
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(from_module.parametrizations) if tensor_name is None else [tensor_name]:
        if not is_parametrized(from_module, name):
            raise ValueError(
                f"transfer_parametrizations_and_params: {type_before_parametrizations(from_module).__name__} "
                f"has no parametrization on '{name}'; it has them on {list(from_module.parametrizations)}"
            )
        chain = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            to_module.register_parameter(name, Parameter(getattr(from_module, name).detach().clone()))
        for parametrization in chain:
            register_parametrization(to_module, name, parametrization, unsafe=chain.unsafe)
        received = to_module.parametrizations[name]
        for key in ["original"] if chain.is_tensor else [f"original{i}" for i in range(chain.ntensors)]:
            setattr(received, key, getattr(chain, key))
    return to_module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Makes the tensor an ordinary one again, with its present value, or, with `leave_parametrized=False`,
    that of its original. Returns the module."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(
            f"remove_parametrizations: {type(module).__name__} has no parametrization on '{tensor_name}'"
        )
    chain = module.parametrizations[tensor_name]
    if chain.is_tensor:
        original = chain.original
        if leave_parametrized:
            with plait.no_grad():
                original.data = getattr(module, tensor_name).detach()
    elif leave_parametrized:
        with plait.no_grad():
            value = getattr(module, tensor_name).detach()
        needs_grad = any(p.requires_grad for p in chain.parameters(recurse=False))
        has_parameters = any(True for _ in chain.parameters(recurse=False))
        original = Parameter(value, requires_grad=needs_grad) if has_parameters else value
    else:
        raise ValueError(
            "remove_parametrizations: with leave_parametrized=False the parametrization must be of one "
            f"tensor, got {chain.ntensors}"
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _cache.pop((id(module), tensor_name), None)
    if len(module.parametrizations) == 0:
        base = type(module).__bases__[0]
        delattr(module, "parametrizations")
        module.__class__ = base
    _register(module, tensor_name, original)
    return module
