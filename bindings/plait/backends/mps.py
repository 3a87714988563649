"""Metal devices: plait has none."""

from __future__ import annotations


def is_available() -> bool:
    """Is it there?"""
    return False


def is_built() -> bool:
    """Has this build the library?"""
    return False


def is_macos13_or_newer(minor: int = 0) -> bool:
    """Is this macOS 13 or newer, with a Metal device?"""
    return False
