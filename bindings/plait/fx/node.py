"""The nodes of graphs of programs, which plait does not record: see plait.fx."""

from __future__ import annotations

from typing import Any

from .._missing import placeholders

__all__ = ["Argument", "Target"]

Argument = Target = Any
"""For annotations."""

__getattr__ = placeholders(__name__, ("Node", "map_aggregate", "map_arg"), "plait records no graphs")
