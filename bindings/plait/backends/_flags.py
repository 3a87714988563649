"""Switches of a module: attributes that kernels read, and that are set for the length of a `with`."""

from __future__ import annotations

import contextlib
import sys
import types

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_cuda = _C._cuda


def switch(name: str, doc: str) -> property:
    """A property that stands for a switch in C++, where kernels read it."""

    def get(self: Any) -> bool:
        return _cuda.get_switch(name)

    def put(self: Any, on: Any) -> None:
        if not isinstance(on, (bool, int)):
            raise TypeError(f"backends: {name} should be True or False, got {on!r}")
        _cuda.set_switch(name, bool(on))

    return property(get, put, doc=doc)


def add_properties(module: str, **properties: property) -> None:
    """Gives a module attributes that are computed."""
    kind = type("_ModuleWithSwitches", (types.ModuleType,), properties)
    sys.modules[module].__class__ = kind


@contextlib.contextmanager
def changed(module: Any, **values: Any) -> Iterator[None]:
    """Sets attributes of a module, and sets them back at the end."""
    if isinstance(module, str):
        module = sys.modules[module]
    before = {name: getattr(module, name) for name in values}
    for name, value in values.items():
        setattr(module, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(module, name, value)
