"""Neural networks with PyTorch's names: Module, Parameter, layers, losses, `functional`, `init`, `utils`.

What is not needed to define a Module is loaded when it is first asked for: a program pays for what it uses.
"""

from __future__ import annotations

from . import modules
from .modules.hooks import (
    register_module_forward_hook,
    register_module_forward_pre_hook,
    register_module_full_backward_hook,
    register_module_full_backward_pre_hook,
)
from .modules.module import Module
from .parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from . import attention, functional, grad, init, parallel, utils
    from .modules import *
    from .parallel import DataParallel

_SUBMODULES = ("attention", "functional", "grad", "init", "parallel", "utils", "parameter")

__all__ = [
    "Buffer",
    "DataParallel",
    "Parameter",
    "UninitializedBuffer",
    "UninitializedParameter",
    "attention",
    "functional",
    "grad",
    "init",
    "modules",
    "parallel",
    "register_module_forward_hook",
    "register_module_forward_pre_hook",
    "register_module_full_backward_hook",
    "register_module_full_backward_pre_hook",
    "utils",
    *modules.__all__,
]


def __getattr__(name: str) -> Any:
    if name in _SUBMODULES:
        from importlib import import_module

        return import_module(f"{__name__}.{name}")
    if name == "DataParallel":
        from .parallel import DataParallel

        return globals().setdefault(name, DataParallel)
    if name in modules._HOMES:
        found = globals()[name] = getattr(modules, name)
        return found
    text = f"module '{__name__}' has no attribute '{name}'"
    if name.startswith("_"):
        raise AttributeError(text)
    from plait._missing import MissingName

    raise MissingName(text, name, lambda: __all__, "see dir(plait.nn) for what there is")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
