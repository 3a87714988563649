"""The switches of PyTorch's compiler front end, which plait has not: code that sets them runs."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from types import SimpleNamespace

from .._missing import absent_class
from ..compiler import allow_in_graph, assume_constant_result, disable, is_compiling, reset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "OptimizedModule",
    "TransformGetItemToIndex",
    "allow_in_graph",
    "assume_constant_result",
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

OptimizedModule = absent_class(
    __name__, "OptimizedModule", "plait compiles no modules: plait.compile gives the module as it is"
)
eval_frame = sys.modules[__name__]
TransformGetItemToIndex = nullcontext
"""A context that changes nothing: within vmap, tensors are indexed by numbers and 0-d tensors alike."""

config: Any = SimpleNamespace(
    cache_size_limit=8,
    capture_scalar_outputs=False,
    compiled_autograd=False,
    inline_inbuilt_nn_modules=True,
    recompile_limit=8,
    suppress_errors=False,
    verbose=False,
)
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
