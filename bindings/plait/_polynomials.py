"""Orthogonal polynomials by their recurrences, for degrees that may differ from element to element
(Abramowitz and Stegun, Handbook of Mathematical Functions, table 22.7).

Each function takes x (floats; integers give the default dtype) and n (a number, or a tensor of them, rounded
towards zero), and broadcasts them. Of negative degrees the value is 0. Derivatives are with respect to x.
"""

from __future__ import annotations

from . import _C
from ._out import with_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ._C import Tensor

_ops = _C.ops

__all__ = [
    "chebyshev_polynomial_t",
    "chebyshev_polynomial_u",
    "chebyshev_polynomial_v",
    "chebyshev_polynomial_w",
    "hermite_polynomial_h",
    "hermite_polynomial_he",
    "laguerre_polynomial_l",
    "legendre_polynomial_p",
    "shifted_chebyshev_polynomial_t",
    "shifted_chebyshev_polynomial_u",
    "shifted_chebyshev_polynomial_v",
    "shifted_chebyshev_polynomial_w",
]


def _floats(given: Any, other: Any) -> Any:
    if isinstance(given, _C.Tensor):
        return given if given.is_floating_point() else given.to(_C.get_default_dtype())
    like = other if isinstance(other, _C.Tensor) else None
    floats = like is not None and like.is_floating_point()
    return _C._tensor_from_data(
        given,
        like.dtype if floats else _C.get_default_dtype(),  # type: ignore[union-attr]
        None if like is None else like.device,
        False,
        True,
    )


def _recurrence(
    x: Any,
    n: Any,
    first: Callable[[Tensor], Tensor],
    following: Callable[[int, Tensor, Tensor, Tensor], Tensor],
) -> Tensor:
    """P_n(x) with P_0 = 1, P_1 = first(x) and P_{k+1} = following(k, x, P_k, P_{k-1})."""
    at = _floats(x, n)
    if not isinstance(n, _C.Tensor):
        degrees, most = None, int(n)
    else:
        degrees = n.detach().trunc() if n.is_floating_point() else n
        most = int(degrees.max().item()) if degrees.numel() else -1
    if degrees is None:
        if most < 0:
            return at * 0
    else:
        at, degrees = _ops["broadcast_tensors"]([at, degrees])
    before, now = _ops["ones_like"](at), first(at)
    if degrees is None:
        result = before if most == 0 else now
    else:
        result = _ops["where"](degrees == 0, before, _ops["where"](degrees == 1, now, _ops["zeros_like"](at)))
    for k in range(1, most):
        before, now = now, following(k, at, now, before)
        result = now if degrees is None else _ops["where"](degrees == k + 1, now, result)
    return result


def _chebyshev(k: int, x: Tensor, now: Tensor, before: Tensor) -> Tensor:
    return 2 * x * now - before


@with_out
def chebyshev_polynomial_t(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """T_n(x) = cos(n arccos x): 1, x, 2 x^2 - 1, ...

    >>> plait.special.chebyshev_polynomial_t(plait.tensor([0.5]), 2)
    tensor([-0.5000])
    """
    return _recurrence(input, n, lambda x: x, _chebyshev)


@with_out
def chebyshev_polynomial_u(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """U_n(x), of the second kind: 1, 2 x, 4 x^2 - 1, ..."""
    return _recurrence(input, n, lambda x: 2 * x, _chebyshev)


@with_out
def chebyshev_polynomial_v(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """V_n(x), of the third kind: 1, 2 x - 1, ..."""
    return _recurrence(input, n, lambda x: 2 * x - 1, _chebyshev)


@with_out
def chebyshev_polynomial_w(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """W_n(x), of the fourth kind: 1, 2 x + 1, ..."""
    return _recurrence(input, n, lambda x: 2 * x + 1, _chebyshev)


def _shifted(function: Callable[[Any, Any], Tensor]) -> Callable[[Any, Any], Tensor]:
    def shifted(input: Any, n: Any, *, out: Any = None) -> Tensor:
        return function(2 * _floats(input, n) - 1, n)

    shifted.__name__ = shifted.__qualname__ = f"shifted_{function.__name__}"
    shifted.__doc__ = f"{function.__name__} of 2 x - 1: for x from 0 to 1."
    return with_out(shifted)


shifted_chebyshev_polynomial_t = _shifted(chebyshev_polynomial_t)
shifted_chebyshev_polynomial_u = _shifted(chebyshev_polynomial_u)
shifted_chebyshev_polynomial_v = _shifted(chebyshev_polynomial_v)
shifted_chebyshev_polynomial_w = _shifted(chebyshev_polynomial_w)


@with_out
def hermite_polynomial_h(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """H_n(x), the physicist's: 1, 2 x, 4 x^2 - 2, ..."""
    return _recurrence(input, n, lambda x: 2 * x, lambda k, x, now, before: 2 * x * now - 2 * k * before)


@with_out
def hermite_polynomial_he(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """He_n(x), the probabilist's: 1, x, x^2 - 1, ..."""
    return _recurrence(input, n, lambda x: x, lambda k, x, now, before: x * now - k * before)


@with_out
def laguerre_polynomial_l(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """L_n(x): 1, 1 - x, ..."""
    return _recurrence(
        input, n, lambda x: 1 - x, lambda k, x, now, before: ((2 * k + 1 - x) * now - k * before) / (k + 1)
    )


@with_out
def legendre_polynomial_p(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """P_n(x): 1, x, (3 x^2 - 1) / 2, ...

    >>> plait.special.legendre_polynomial_p(plait.tensor([0.5]), plait.tensor([1, 2]))
    tensor([ 0.5000, -0.1250])
    """
    return _recurrence(
        input, n, lambda x: x, lambda k, x, now, before: ((2 * k + 1) * x * now - k * before) / (k + 1)
    )
