"""Random numbers on CUDA devices.

A random number of plait depends on the generator's seed, the draw and the element, and not on the device: one
default generator serves the CPU and all CUDA devices, and `plait.manual_seed(0)` gives the same dropout mask
on each. So these functions, with PyTorch's names, speak of `plait.default_generator`, whatever device is
given.
"""

from __future__ import annotations

from .. import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from .._C import Tensor


def manual_seed(seed: int) -> None:
    """Starts the default generator again from a seed, as `plait.manual_seed` does.

    >>> plait.cuda.manual_seed(7)
    >>> plait.initial_seed()
    7
    """
    _C.default_generator.manual_seed(int(seed))


def manual_seed_all(seed: int) -> None:
    """As `manual_seed`: there is one generator for all devices."""
    manual_seed(seed)


def seed() -> None:
    """Starts the default generator from a seed of the operating system's."""
    _C.default_generator.seed()


def seed_all() -> None:
    """As `seed`: there is one generator for all devices."""
    seed()


def initial_seed() -> int:
    """The seed that the default generator started from."""
    return _C.default_generator.initial_seed()


def get_rng_state(device: Any = "cuda") -> Tensor:
    """The state of the default generator, as a tensor on the CPU: the same for every device."""
    return _C.default_generator.get_state()


def get_rng_state_all() -> list[Tensor]:
    """The state of the default generator, once for each CUDA device."""
    return [get_rng_state() for _ in range(_C._cuda.device_count())]


def set_rng_state(new_state: Tensor, device: Any = "cuda") -> None:
    """Puts the default generator into a state that get_rng_state gave."""
    _C.default_generator.set_state(new_state)


def set_rng_state_all(new_states: Iterable[Tensor]) -> None:
    """Puts the default generator into the last of these states; get_rng_state_all gave them all alike."""
    for state in new_states:
        set_rng_state(state)
