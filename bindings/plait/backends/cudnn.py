"""Switches of cuDNN: `enabled`, `benchmark`, `deterministic`, `allow_tf32`, ... Without CUDA, no effect.

>>> plait.backends.cudnn.benchmark = True
>>> plait.backends.cudnn.benchmark
True
>>> plait.backends.cudnn.benchmark = False
"""

from __future__ import annotations

from ._flags import changed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextlib import AbstractContextManager
    from typing import Any

enabled = True
benchmark = False
benchmark_limit = 10
deterministic = False
allow_tf32 = True


def is_available() -> bool:
    """Is there cuDNN?"""
    return False


def version() -> int | None:
    """The version of cuDNN; None where there is none."""
    return None


def is_acceptable(tensor: Any) -> bool:
    """Could cuDNN compute with this tensor?"""
    return False


def flags(
    enabled: bool = False,
    benchmark: bool = False,
    benchmark_limit: int = 10,
    deterministic: bool = False,
    allow_tf32: bool = True,
) -> AbstractContextManager[None]:
    """The switches for the length of a `with`."""
    return changed(
        globals(),
        enabled=enabled,
        benchmark=benchmark,
        benchmark_limit=benchmark_limit,
        deterministic=deterministic,
        allow_tf32=allow_tf32,
    )
