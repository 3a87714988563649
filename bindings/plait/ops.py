"""Ops from outside of plait, by namespace: `plait.ops.mine.swish`.

>>> import plait
>>> plait.ops.plait.relu(plait.tensor([-1.0, 2.0]))
tensor([0., 2.])
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from . import _C


class Namespace:
    """The ops of one extension; `plait` stands for plait's own."""

    def __init__(self, name: str):
        self.__dict__["__name__"] = name

    def __getattr__(self, op: str):
        """The callable of an op, kept for the next time."""
        space = self.__dict__["__name__"]
        prefix = "" if space == "plait" else f"{space}::"
        if op.startswith("__"):
            raise AttributeError(op)
        if _C._describe_op(prefix + op):
            found = _C._op_function(prefix + op)
        elif op.endswith("_") and any(o["inplace"] for o in _C._describe_op(prefix + op[:-1])):
            found = _C._op_function(prefix + op[:-1], inplace=True)
        else:
            there = sorted(dir(self))
            raise AttributeError(
                f"plait.ops.{space} has no op '{op}'"
                + (
                    f"; it has {', '.join(there[:20])}"
                    if there
                    else "; is the library that declares it loaded?"
                )
            )
        self.__dict__[op] = found
        return found

    def __dir__(self):
        space = self.__dict__["__name__"]
        if space == "plait":
            return sorted({o["name"] for o in _C.registry()})
        names = (n.split("::") for n in _C._outside_ops())
        return sorted({op.split(".")[0] for owner, op in names if owner == space})

    def __repr__(self):
        return f"<ops of '{self.__dict__['__name__']}'>"


class _Overloads:
    """An op as PyTorch's namespace `aten` has it: `torch.ops.aten.mul`, and its overloads such as `.Tensor`.
    plait picks the overload by the arguments; so each of these is the function.
    """

    def __init__(self, name: str, function: Callable[..., Any] | None):
        self.__name__, self._function = name, function

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._function is None:
            raise NotImplementedError(f"plait.ops.aten.{self.__name__}: plait has no function of this name")
        return self._function(*args, **kwargs)

    def __getattr__(self, overload: str) -> _Overloads:
        if overload.startswith("_"):
            raise AttributeError(overload)
        return self

    def overloads(self) -> list[str]:
        """The one that plait has."""
        return ["default"]

    def __repr__(self):
        return f"<aten op {self.__name__}>"


class _Aten(Namespace):
    """PyTorch's own ops, by plait's functions of the same names."""

    def __getattr__(self, op: str) -> Any:
        if op.startswith("__"):
            raise AttributeError(op)
        import plait

        function = getattr(plait, op, None) or getattr(plait.Tensor, op, None)
        self.__dict__[op] = made = _Overloads(op, function)
        return made

    def __dir__(self):
        return dir(_spaces.setdefault("plait", Namespace("plait")))


_spaces: dict[str, Namespace] = {"aten": _Aten("aten")}


def _forget(full_names: list[str]) -> None:
    """Callables that may belong to an earlier build of a library are looked up anew."""
    for name in {n.split("::")[0] for n in full_names}:
        if name in _spaces:
            for op in [k for k in _spaces[name].__dict__ if k != "__name__"]:
                del _spaces[name].__dict__[op]


class LibraryError(OSError, RuntimeError):
    """A library of ops could not be loaded."""


def load_library(path: str | os.PathLike) -> list[str]:
    """Load a library of ops that was built with `plait/extension.h`; return the full names of its ops.

    Ops of an earlier build of the same extension are replaced. Raises LibraryError, which is an OSError and a
    RuntimeError, where the file cannot be loaded, is no plait extension, or was built for another version of
    plait's ABI; ValueError where an op's name is taken.
    """
    try:
        names = _C._load_library(os.fspath(path))
    except RuntimeError as error:
        if isinstance(error, ValueError):
            raise
        raise LibraryError(str(error)) from None
    _forget(names)
    return names


def __getattr__(name: str) -> Namespace:
    """The namespace `name`; it may be filled later."""
    if name.startswith("__"):
        raise AttributeError(name)
    return _spaces.setdefault(name, Namespace(name))


def __dir__() -> list[str]:
    return sorted({"plait", "load_library", *(n.split("::")[0] for n in _C._outside_ops())})
