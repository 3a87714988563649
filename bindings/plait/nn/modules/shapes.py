"""Small helpers for sizes: a number, or one number per dimension."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def ntuple(value: Any, n: int, who: str, what: str) -> tuple:
    """`value` as a tuple of `n` numbers. Raises ValueError where it is a sequence of another length."""
    if isinstance(value, (list, tuple)):
        if len(value) != n:
            raise ValueError(f"{who}: {what} should be one number or {n}, got {tuple(value)}")
        return tuple(value)
    return (value,) * n
