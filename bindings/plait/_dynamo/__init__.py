"""The switches of PyTorch's compiler front end, which plait has not: code that sets them runs."""

from __future__ import annotations

from types import SimpleNamespace

from ..compiler import allow_in_graph, disable, is_compiling, reset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "allow_in_graph",
    "config",
    "disable",
    "disallow_in_graph",
    "graph_break",
    "is_compiling",
    "list_backends",
    "mark_dynamic",
    "mark_static",
    "mark_static_address",
    "reset",
]

config: Any = SimpleNamespace(cache_size_limit=8, suppress_errors=False, verbose=False)
"""What is set here is remembered, and changes nothing."""


def list_backends(exclude_tags: Any = ()) -> list[str]:
    """The names of compilers: none."""
    return []


def graph_break(msg: str = "") -> None:
    """Nothing: there is no graph."""


def mark_static_address(t: Any, guard: bool = True) -> None:
    """Nothing: there is no graph."""


def mark_dynamic(t: Any, index: Any, **kwargs: Any) -> None:
    """Nothing: there is no graph."""


mark_static = maybe_mark_dynamic = mark_dynamic
disallow_in_graph = allow_in_graph
