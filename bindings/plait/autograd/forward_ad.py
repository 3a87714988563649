"""Forward-mode differentiation, of which plait has the transform (`plait.func.jvp`), and no dual tensors:
code that asks whether a tensor is one is told that it is not.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

__all__ = [
    "UnpackedDualTensor",
    "dual_level",
    "enter_dual_level",
    "exit_dual_level",
    "make_dual",
    "unpack_dual",
]

UnpackedDualTensor = namedtuple("UnpackedDualTensor", ["primal", "tangent"])

_INSTEAD = (
    "plait has no dual tensors; plait.func.jvp(f, primals, tangents) gives f's value and its derivative"
)


def unpack_dual(tensor: Any, *, level: int | None = None) -> UnpackedDualTensor:
    """The tensor itself, and None: it has no tangent.

    >>> plait.autograd.forward_ad.unpack_dual(plait.ones(1)).tangent is None
    True
    """
    return UnpackedDualTensor(tensor, None)


def make_dual(tensor: Any, tangent: Any, *, level: int | None = None) -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(f"forward_ad.make_dual: {_INSTEAD}")


def enter_dual_level() -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(f"forward_ad.enter_dual_level: {_INSTEAD}")


def exit_dual_level(*, level: int | None = None) -> NoReturn:
    """Raises NotImplementedError."""
    raise NotImplementedError(f"forward_ad.exit_dual_level: {_INSTEAD}")


class dual_level:
    """Raises NotImplementedError on entry."""

    def __enter__(self) -> NoReturn:
        enter_dual_level()

    def __exit__(self, *error: object) -> None:
        pass
