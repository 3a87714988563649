"""The random state of the CPU's generator, and of the GPUs'.

>>> with plait.random.fork_rng(devices=()):
...     _ = plait.rand(3)
"""

from __future__ import annotations

from contextlib import contextmanager

from . import _C
from ._functions import get_rng_state, initial_seed, manual_seed, seed, set_rng_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

__all__ = ["fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

default_generator = _C.default_generator


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None, enabled: bool = True, device_type: str = "cuda"
) -> Iterator[None]:
    """Puts the random state back at the end: of the CPU and of the devices, all there are unless given.

    >>> plait.manual_seed(0)  # doctest: +ELLIPSIS
    <...>
    >>> with plait.random.fork_rng():
    ...     inside = plait.rand(1)
    >>> bool(plait.rand(1) == inside)
    True
    """
    if device_type not in ("cuda", "cpu"):
        raise RuntimeError(f"fork_rng: expected device_type 'cuda' or 'cpu', got {device_type!r}")
    if not enabled:
        yield
        return
    from . import cuda

    if device_type == "cpu":
        chosen: list[Any] = []
    elif devices is None:
        chosen = list(range(cuda.device_count()))
    else:
        chosen = list(devices)
    state = get_rng_state()
    states = [cuda.get_rng_state(device) for device in chosen]
    try:
        yield
    finally:
        set_rng_state(state)
        for device, before in zip(chosen, states, strict=True):
            cuda.set_rng_state(before, device)
