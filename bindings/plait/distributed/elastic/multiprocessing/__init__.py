"""What programs import from PyTorch's launcher."""

from __future__ import annotations

from . import errors

__all__ = ["errors"]
