"""Questions and marks for a compiler, which plait has not: see plait.compile."""

from __future__ import annotations

from contextlib import ContextDecorator

from ._eager import compile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile",
    "cudagraph_mark_step_begin",
    "disable",
    "is_compiling",
    "list_backends",
    "nested_compile_region",
    "reset",
    "set_stance",
    "substitute_in_graph",
]


def is_compiling() -> bool:
    """Is a compiler tracing the code? Never.

    >>> plait.compiler.is_compiling()
    False
    """
    return False


is_dynamo_compiling = is_exporting = is_compiling


def disable(fn: Any = None, recursive: bool = True, *, reason: str | None = None) -> Any:
    """The function as it is."""
    return disable if fn is None else fn


def allow_in_graph(fn: Any) -> Any:
    """The function as it is."""
    return fn


def assume_constant_result(fn: Any) -> Any:
    """The function as it is."""
    return fn


def cudagraph_mark_step_begin() -> None:
    """Nothing: no graph is recorded."""


def reset() -> None:
    """Nothing: there is no cache of compiled code."""


def nested_compile_region(fn: Any = None, **options: Any) -> Any:
    """The function as it is."""
    return nested_compile_region if fn is None else fn


def substitute_in_graph(original_fn: Any, **options: Any) -> Any:
    """A decorator that gives the function as it is."""
    return lambda traceable_fn: traceable_fn


def list_backends(exclude_tags: Any = ("debug", "experimental")) -> list[str]:
    """The names of compilers: none."""
    return []


class set_stance(ContextDecorator):
    """What a compiler should do, which there is not: as a function, a context or a decorator it changes
    nothing.

    >>> with plait.compiler.set_stance("force_eager"):
    ...     pass
    """

    _STANCES = (
        "default",
        "eager_on_recompile",
        "eager_then_compile",
        "aot_eager_then_compile",
        "fail_on_recompile",
        "force_eager",
    )

    def __init__(self, stance: str = "default", **options: Any) -> None:
        if stance not in self._STANCES:
            raise ValueError(f"set_stance: expected one of {', '.join(self._STANCES)}, got {stance!r}")

    def __enter__(self) -> None:
        pass

    def __exit__(self, *error: object) -> None:
        pass
