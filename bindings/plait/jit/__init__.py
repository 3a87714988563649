"""Scripting and tracing, which plait has not: it is eager. What marks or scripts a function leaves it as it
is, so that code written for both runs; what would need a graph raises.
"""

from __future__ import annotations

import builtins
from typing import Final

from ..nn.modules.module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = [
    "Final",
    "ScriptModule",
    "annotate",
    "export",
    "freeze",
    "ignore",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "load",
    "save",
    "script",
    "script_if_tracing",
    "script_method",
    "trace",
    "trace_module",
    "unused",
]


class ScriptModule(Module):
    """A module, for classes that derive from it. No other module is one: `script` compiles nothing.

    >>> isinstance(plait.jit.script(plait.nn.Linear(1, 1)), plait.jit.ScriptModule)
    False
    """


def is_scripting() -> bool:
    """Is the code being compiled? Never.

    >>> plait.jit.is_scripting()
    False
    """
    return False


def is_tracing() -> bool:
    """Is the code being traced? Never."""
    return False


def script(obj: Any, *args: Any, **kwargs: Any) -> Any:
    """The function, class or module as it is.

    >>> @plait.jit.script
    ... def double(x):
    ...     return 2 * x
    >>> double(plait.ones(2))
    tensor([2., 2.])
    """
    return obj


def ignore(drop: Any = False, **kwargs: Any) -> Any:
    """The function as it is; also as a decorator with options."""
    return drop if callable(drop) else script


def unused(fn: Any) -> Any:
    """The function as it is."""
    return fn


def export(fn: Any) -> Any:
    """The function as it is."""
    return fn


def script_method(fn: Any) -> Any:
    """The method as it is."""
    return fn


def script_if_tracing(fn: Any) -> Any:
    """The function as it is."""
    return fn


_script_if_tracing = script_if_tracing


def interface(obj: Any) -> Any:
    """The class as it is."""
    return obj


def _overload_method(fn: Any) -> Any:
    return fn


_overload = _overload_method


def annotate(the_type: Any, the_value: Any) -> Any:
    """The value as it is."""
    return the_value


def isinstance(obj: object, target_type: Any) -> bool:
    """Python's, for types with parameters too, of which only the outer one is looked at."""
    targets: tuple[Any, ...] = target_type if builtins.isinstance(target_type, tuple) else (target_type,)
    return builtins.isinstance(obj, tuple(getattr(t, "__origin__", t) for t in targets))


def _refuse(name: str, instead: str) -> NoReturn:
    raise NotImplementedError(f"jit.{name}: plait is eager and has no graphs of programs; {instead}")


def trace(func: Any = None, example_inputs: Any = None, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises: plait records no programs."""
    _refuse("trace", "call the function or module itself")


def trace_module(mod: Any, inputs: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises: plait records no programs."""
    _refuse("trace_module", "call the module itself")


def freeze(mod: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises: plait records no programs."""
    _refuse("freeze", "use module.eval() under plait.inference_mode()")


def save(m: Any, f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises: plait writes no programs."""
    _refuse("save", "save the parameters with plait.save(module.state_dict(), f)")


def load(f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Raises: plait reads no programs."""
    _refuse("load", "build the module in Python and load its parameters with plait.load")
