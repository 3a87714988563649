"""Sizes and checks as PyTorch's compiler wants them: in plait sizes are ints, and every check is made."""

from __future__ import annotations

import builtins

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._C import Tensor

__all__ = [
    "SymBool",
    "SymFloat",
    "SymInt",
    "_assert_async",
    "_check",
    "_check_index",
    "_check_is_size",
    "_check_not_implemented",
    "_check_tensor_all",
    "_check_type",
    "_check_value",
    "_check_with",
    "_shape_as_tensor",
    "sym_float",
    "sym_int",
    "sym_ite",
    "sym_max",
    "sym_min",
    "sym_not",
    "sym_sqrt",
    "sym_sum",
]


class SymInt:
    """A size that is not known, for annotations and isinstance: there is none in plait."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{cls.__name__}: plait has no symbolic numbers; use Python's")


class SymFloat:
    """A number that is not known: there is none in plait."""

    __new__ = SymInt.__new__  # type: ignore[assignment]


class SymBool:
    """A condition that is not known: there is none in plait."""

    __new__ = SymInt.__new__  # type: ignore[assignment]


def sym_int(a: Any) -> int:
    """The number as an int, rounded towards zero.

    >>> plait.sym_int(-2.5)
    -2
    """
    return builtins.int(a)


def sym_float(a: Any) -> float:
    """The number as a float."""
    return builtins.float(a)


def sym_not(a: Any) -> bool:
    """not a."""
    return not a


def sym_ite(b: Any, t: Any, f: Any) -> Any:
    """t if b else f."""
    return t if b else f


def sym_max(a: Any, b: Any) -> Any:
    """The larger; a float where one of them is.

    >>> plait.sym_max(2, 1.5)
    2.0
    """
    kind = builtins.float if builtins.float in (type(a), type(b)) else type(a)
    return kind(max(a, b))


def sym_min(a: Any, b: Any) -> Any:
    """The smaller; a float where one of them is."""
    kind = builtins.float if builtins.float in (type(a), type(b)) else type(a)
    return kind(min(a, b))


def sym_sum(args: Any) -> Any:
    """The sum."""
    return sum(args)


def sym_sqrt(a: Any) -> float:
    """The square root."""
    import math

    return math.sqrt(a)


def _check_with(error_type: type[Exception], cond: Any, message: Callable[[], Any] | None) -> None:
    """Raises error_type(message()) unless the condition holds."""
    if isinstance(cond, _C.Tensor) or not isinstance(cond, builtins.bool):
        raise TypeError(f"_check: cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        raise error_type("Expected cond to be True, but got False")
    raise error_type(str(message() if callable(message) else message))


def _check(cond: Any, message: Callable[[], Any] | None = None) -> None:
    """Raises RuntimeError with message(), unless the condition holds.

    >>> plait._check(1 < 2, lambda: "never said")
    """
    _check_with(RuntimeError, cond, message)


def _check_index(cond: Any, message: Callable[[], Any] | None = None) -> None:
    """As `_check`, with IndexError."""
    _check_with(IndexError, cond, message)


def _check_value(cond: Any, message: Callable[[], Any] | None = None) -> None:
    """As `_check`, with ValueError."""
    _check_with(ValueError, cond, message)


def _check_type(cond: Any, message: Callable[[], Any] | None = None) -> None:
    """As `_check`, with TypeError."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond: Any, message: Callable[[], Any] | None = None) -> None:
    """As `_check`, with NotImplementedError."""
    _check_with(NotImplementedError, cond, message)


def _check_tensor_all(cond: Tensor, message: Callable[[], Any] | None = None) -> None:
    """As `_check`, for a tensor of bools that must all be True."""
    _check_with(RuntimeError, builtins.bool(cond.all()), message)


def _check_is_size(i: Any, message: Callable[[], Any] | None = None, *, max: Any = None) -> None:
    """As `_check`, for an int that must be 0 or more, and at most `max`."""
    _check(i >= 0 and (max is None or i <= max), message)


def _assert_async(input: Tensor, assert_msg: str | None = None) -> None:
    """Raises RuntimeError where the one number of a tensor is 0. Waits for it: it is known on return.

    >>> plait._assert_async(plait.tensor(1))
    """
    if input.numel() != 1:
        raise RuntimeError(f"_assert_async: expected one number, got a tensor of shape {tuple(input.shape)}")
    if not input.item():
        raise RuntimeError(assert_msg or "_assert_async: expected a number other than zero, got 0")


def _shape_as_tensor(input: Tensor) -> Tensor:
    """The sizes, as a tensor of int64."""
    return _C._tensor_from_data(list(input.shape), _C.int64, None, False, True)
