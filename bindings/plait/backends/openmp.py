"""OpenMP, whose threads the kernels run on."""

from __future__ import annotations


def is_available() -> bool:
    """Is it there?"""
    return True
