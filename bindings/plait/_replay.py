"""Code that runs now and again later, with the same random numbers: the two passes of a checkpoint.

plait's own random numbers are a function of the generator's state, which is put back. Those of libraries are
not, so what could draw by one asks `is_recorded` and draws by plait then.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_state = threading.local()


@contextmanager
def recorded() -> Iterator[None]:
    """What runs in here will run again, or does so now."""
    depth = getattr(_state, "depth", 0)
    _state.depth = depth + 1
    try:
        yield
    finally:
        _state.depth = depth


def is_recorded() -> bool:
    """Is the calling thread inside of `recorded`?"""
    return getattr(_state, "depth", 0) > 0
