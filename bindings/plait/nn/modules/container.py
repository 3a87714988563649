"""Containers: Sequential, ModuleList, ModuleDict, ParameterList, ParameterDict."""
# ruff: noqa: D102 - `forward` is what the docstring of its class describes

from __future__ import annotations

from plait import Tensor

from ..parameter import Parameter
from .module import Module, indented

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any, Self

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]


def _position(who: str, index: Any, length: int) -> int:
    try:
        index = index.__index__()
    except AttributeError:
        raise TypeError(f"{who}: an index should be an int or a slice, got {type(index).__name__}") from None
    if not -length <= index < length:
        raise IndexError(f"{who}: index {index} is out of range for {length} entries")
    return index + length if index < 0 else index


class _Numbered(Module):
    """Children under the names "0", "1", ...: what Sequential and ModuleList share."""

    def _renumber(self, children: Iterable[Module]) -> None:
        children = list(children)
        self._modules.clear()
        for i, module in enumerate(children):
            self.add_module(str(i), module)

    def _key(self, index: Any) -> str:
        return list(self._modules)[_position(type(self).__name__, index, len(self._modules))]

    def __getitem__(self, index: int | slice) -> Any:
        raise NotImplementedError  # each kind slices into its own kind

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._key(index), module)

    def __delitem__(self, index: int | slice) -> None:
        keys = list(self._modules)[index] if isinstance(index, slice) else [self._key(index)]
        for key in keys:
            del self._modules[key]
        self._renumber(self._modules.values())

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        return iter(self._modules.values())

    def append(self, module: Module) -> Self:
        """Adds a module at the end; returns self."""
        self.add_module(str(len(self)), module)
        return self

    def insert(self, index: int, module: Module) -> Self:
        """Puts a module before position `index`."""
        if not isinstance(module, Module):
            raise AssertionError(
                f"{type(self).__name__}.insert: module should be an nn.Module, got {type(module).__name__}"
            )
        children = list(self._modules.values())
        if not -len(children) <= index <= len(children):
            raise IndexError(
                f"{type(self).__name__}.insert: index {index} is out of range for {len(children)} modules"
            )
        children.insert(index, module)
        self._renumber(children)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Adds each of `modules` at the end; returns self."""
        if not hasattr(modules, "__iter__"):
            raise TypeError(
                f"{type(self).__name__}.extend: expected an iterable of modules, got {type(modules).__name__}"
            )
        for module in list(modules):
            self.append(module)
        return self

    def pop(self, key: int | slice) -> Module:
        """Takes a module out and gives it."""
        module = self[key]
        del self[key]
        return module


class Sequential(_Numbered):
    """Modules that are called one after the other; takes modules or one dict of named modules.

    >>> net = plait.nn.Sequential(plait.nn.Linear(4, 8), plait.nn.ReLU(), plait.nn.Linear(8, 2))
    >>> net(plait.zeros(3, 4)).shape, len(net), net[1]
    (plait.Size([3, 2]), 3, ReLU())
    """

    def __init__(self, *args: Any):
        super().__init__()
        if len(args) == 1 and isinstance(args[0], dict):
            for name, module in args[0].items():
                self.add_module(name, module)
        else:
            for i, module in enumerate(args):
                self.add_module(str(i), module)

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(dict(list(self._modules.items())[index]))
        return self._modules[self._key(index)]

    def _renumber(self, children: Iterable[Module]) -> None:
        # names given through a dict stay; only modules that were numbered are numbered anew
        children = list(children)
        if all(key.isdigit() for key in self._modules):
            super()._renumber(children)
            return
        names = {id(module): name for name, module in self._modules.items()}
        self._modules.clear()
        for i, module in enumerate(children):
            self.add_module(names.get(id(module), str(i)), module)

    def __add__(self, other: Sequential) -> Sequential:
        if not isinstance(other, Sequential):
            raise ValueError(f"Sequential: can only add a Sequential, got {type(other).__name__}")
        return Sequential(*self, *other)

    def __iadd__(self, other: Sequential) -> Self:
        if not isinstance(other, Sequential):
            raise ValueError(f"Sequential: can only add a Sequential, got {type(other).__name__}")
        return self.extend(other)

    def __mul__(self, times: int) -> Sequential:
        if not isinstance(times, int):
            raise TypeError(f"Sequential: can only be multiplied by an int, got {type(times).__name__}")
        if times <= 0:
            raise ValueError(f"Sequential: can only be repeated a positive number of times, got {times}")
        return Sequential(*(module for _ in range(times) for module in self))

    __rmul__ = __mul__

    def __imul__(self, times: int) -> Self:
        return self.extend(list(self * times)[len(self) :])


class ModuleList(_Numbered):
    """A list of modules that are registered as children.

    >>> layers = plait.nn.ModuleList(plait.nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] | None = None):
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)(list(self._modules.values())[index])
        return self._modules[self._key(index)]

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def __repr__(self) -> str:
        """Equal neighbours are shown once, with their number."""
        if not len(self):
            return self._get_name() + "()"
        runs: list[list] = []
        for i, text in enumerate(map(repr, self)):
            if runs and runs[-1][2] == text:
                runs[-1][1] = i
            else:
                runs.append([i, i, text])
        lines = []
        for first, last, text in runs:
            if first == last:
                lines.append(indented(f"({first}): {text}"))
            else:
                lines.append(indented(f"({first}-{last}): {last - first + 1} x {text}"))
        return self._get_name() + "(\n  " + "\n  ".join(lines) + "\n)"


class ModuleDict(Module):
    """A dict of modules that are registered as children.

    >>> acts = plait.nn.ModuleDict({"relu": plait.nn.ReLU(), "gelu": plait.nn.GELU()})
    >>> "relu" in acts, list(acts)
    (True, ['relu', 'gelu'])
    """

    def __init__(self, modules: Any = None):
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Module:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module) -> None:
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: str) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Takes all modules out."""
        self._modules.clear()

    def pop(self, key: str) -> Module:
        """Takes a module out and gives it."""
        return self._modules.pop(key)

    def keys(self):
        """The names."""
        return self._modules.keys()

    def items(self):
        """The (name, module) pairs."""
        return self._modules.items()

    def values(self):
        """The modules."""
        return self._modules.values()

    def update(self, modules: Any) -> None:
        """Adds or replaces modules, from a dict or from (name, module) pairs."""
        pairs = modules.items() if hasattr(modules, "items") else modules
        for pair in pairs:
            if not hasattr(pair, "__len__") or len(pair) != 2:
                raise ValueError(f"ModuleDict.update: expected (name, module) pairs, got {pair!r}")
            self[pair[0]] = pair[1]


def _as_parameter(value: Any) -> Any:
    if isinstance(value, Tensor) and not isinstance(value, Parameter):
        return Parameter(value)
    return value


def _describe(key: Any, value: Any) -> str:
    if isinstance(value, Tensor):
        where = "" if value.device.type == "cpu" else f" ({value.device})"
        kind = "Parameter" if isinstance(value, Parameter) else "Tensor"
        return f"({key}): {kind} containing: [{value.dtype} of size {'x'.join(map(str, value.shape))}{where}]"
    return f"({key}): Object of type: {type(value).__name__}"


class ParameterList(Module):
    """A list of parameters; a Tensor that is put in becomes a Parameter.

    >>> p = plait.nn.ParameterList([plait.zeros(2), plait.zeros(3)])
    >>> len(list(p.parameters())), p[-1].shape
    (2, plait.Size([3]))
    """

    def __init__(self, values: Iterable | None = None):
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(*index.indices(len(self)))])
        return getattr(self, str(_position(type(self).__name__, index, len(self))))

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, str(_position(type(self).__name__, index, len(self))), _as_parameter(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator:
        return iter(self[i] for i in range(len(self)))

    def append(self, value: Any) -> Self:
        """Adds a value at the end; returns self."""
        self._size += 1
        self[self._size - 1] = value
        return self

    def extend(self, values: Iterable) -> Self:
        """Adds each value at the end; returns self."""
        if isinstance(values, Tensor) or not hasattr(values, "__iter__"):
            raise TypeError(f"ParameterList.extend: expected a list of tensors, got {type(values).__name__}")
        for value in list(values):
            self.append(value)
        return self

    def __iadd__(self, values: Iterable) -> Self:
        return self.extend(values)

    def __repr__(self) -> str:
        lines = "".join("\n  " + _describe(i, value) for i, value in enumerate(self))
        return f"{self._get_name()}({lines}\n)" if lines else f"{self._get_name()}()"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ParameterList should not be called; index it")


class ParameterDict(Module):
    """A dict of parameters; a Tensor that is put in becomes a Parameter.

    >>> p = plait.nn.ParameterDict({"w": plait.zeros(2)})
    >>> p["w"].requires_grad, list(p.state_dict())
    (True, ['w'])
    """

    def __init__(self, parameters: Any = None):
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    @staticmethod
    def _attribute(key: str) -> str:
        if not isinstance(key, str):
            raise TypeError(f"ParameterDict: a key should be a string, got {type(key).__name__}")
        return key

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        return getattr(self, self._attribute(key))

    def __setitem__(self, key: str, value: Any) -> None:
        setattr(self, self._attribute(key), _as_parameter(value))
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        del self._keys[key]
        delattr(self, self._attribute(key))

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: str) -> bool:
        return key in self._keys

    def copy(self) -> ParameterDict:
        """A new ParameterDict of the same parameters."""
        return ParameterDict(dict(self.items()))

    def get(self, key: str, default: Any = None) -> Any:
        """The parameter under `key`, or `default`."""
        return self[key] if key in self._keys else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The parameter under `key`, put there first if it was not."""
        if key not in self._keys:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Takes a parameter out and gives it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Takes the last parameter out and gives (key, parameter)."""
        if not self._keys:
            raise KeyError("ParameterDict.popitem: the dict is empty")
        key = next(reversed(self._keys))
        return key, self.pop(key)

    def clear(self) -> None:
        """Takes all parameters out."""
        for key in list(self._keys):
            del self[key]

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """A new ParameterDict with `default` under each key."""
        return ParameterDict((key, default) for key in keys)

    def keys(self):
        """The keys."""
        return self._keys.keys()

    def items(self):
        """The (key, parameter) pairs."""
        return [(key, self[key]) for key in self._keys]

    def values(self):
        """The parameters."""
        return [self[key] for key in self._keys]

    def update(self, parameters: Any) -> None:
        """Adds or replaces parameters, from a dict or from (key, parameter) pairs."""
        for key, value in parameters.items() if hasattr(parameters, "items") else parameters:
            self[key] = value

    def __or__(self, other: ParameterDict) -> ParameterDict:
        result = self.copy()
        result.update(other)
        return result

    def __ior__(self, other: ParameterDict) -> Self:
        self.update(other)
        return self

    def __repr__(self) -> str:
        lines = "".join("\n  " + _describe(key, value) for key, value in self.items())
        return f"{self._get_name()}({lines}\n)" if lines else f"{self._get_name()}()"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("ParameterDict should not be called; index it")
