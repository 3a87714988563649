"""Questions and marks for a compiler, which plait has not: see plait.compile."""

from __future__ import annotations

from ._eager import compile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "allow_in_graph",
    "assume_constant_result",
    "compile", "cudagraph_mark_step_begin", "disable", "is_compiling", "reset"]


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
