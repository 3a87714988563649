"""The engines of quantised tensors, of which plait has none: code that asks for them is told so."""

from __future__ import annotations

__all__ = ["engine", "supported_engines"]

engine = "none"
supported_engines: list[str] = ["none"]
