"""opt_einsum: plait.einsum contracts from left to right and does not use it."""

from __future__ import annotations

enabled = False
strategy: str | None = None


def is_available() -> bool:
    """Is it there?"""
    return False
