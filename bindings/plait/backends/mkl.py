"""Intel's MKL: plait does not use it."""

from __future__ import annotations


def is_available() -> bool:
    """Is it there?"""
    return False
