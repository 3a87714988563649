"""Graphs of programs, which plait does not record: it is eager. What marks a function leaves it as it is, so
that code which only imports from here runs; what would need a graph raises.
"""

from __future__ import annotations

from .._missing import placeholders
from . import experimental, graph_module, node, proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["experimental", "graph_module", "has_side_effect", "node", "proxy", "wrap"]


def wrap(fn_or_name: Any) -> Any:
    """The function, or its name, as it is.

    >>> @plait.fx.wrap
    ... def double(x):
    ...     return 2 * x
    >>> double(1)
    2
    """
    return fn_or_name


def has_side_effect(fn: Any) -> Any:
    """The function as it is."""
    return fn


__getattr__ = placeholders(
    __name__,
    (
        "CodeGen",
        "Graph",
        "GraphModule",
        "Interpreter",
        "Node",
        "Proxy",
        "Tracer",
        "Transformer",
        "map_arg",
        "replace_pattern",
        "symbolic_trace",
    ),
    "plait records no graphs; call the module itself, and forward hooks to see its parts",
)
