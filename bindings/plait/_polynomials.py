"""Orthogonal polynomials, of degrees that may differ from element to element
(Abramowitz and Stegun, Handbook of Mathematical Functions, table 22.7).

Each function takes x (floats; integers give the default dtype) and n (a number, or a tensor of them, rounded
towards zero), and broadcasts them. Of negative degrees the value is 0. Derivatives are with respect to x.
"""

from __future__ import annotations

from . import _C

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

_polynomial = _C.ops["_orthogonal_polynomial"]

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


def chebyshev_polynomial_t(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """T_n(x) = cos(n arccos x): 1, x, 2 x^2 - 1, ...

    >>> plait.special.chebyshev_polynomial_t(plait.tensor([0.5]), 2)
    tensor([-0.5000])
    """
    return _polynomial("chebyshev_polynomial_t", input, n, out=out)


def chebyshev_polynomial_u(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """U_n(x), of the second kind: 1, 2 x, 4 x^2 - 1, ..."""
    return _polynomial("chebyshev_polynomial_u", input, n, out=out)


def chebyshev_polynomial_v(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """V_n(x), of the third kind: 1, 2 x - 1, ..."""
    return _polynomial("chebyshev_polynomial_v", input, n, out=out)


def chebyshev_polynomial_w(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """W_n(x), of the fourth kind: 1, 2 x + 1, ..."""
    return _polynomial("chebyshev_polynomial_w", input, n, out=out)


def shifted_chebyshev_polynomial_t(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """chebyshev_polynomial_t of 2 x - 1: for x from 0 to 1."""
    return _polynomial("shifted_chebyshev_polynomial_t", input, n, out=out)


def shifted_chebyshev_polynomial_u(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """chebyshev_polynomial_u of 2 x - 1: for x from 0 to 1."""
    return _polynomial("shifted_chebyshev_polynomial_u", input, n, out=out)


def shifted_chebyshev_polynomial_v(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """chebyshev_polynomial_v of 2 x - 1: for x from 0 to 1."""
    return _polynomial("shifted_chebyshev_polynomial_v", input, n, out=out)


def shifted_chebyshev_polynomial_w(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """chebyshev_polynomial_w of 2 x - 1: for x from 0 to 1."""
    return _polynomial("shifted_chebyshev_polynomial_w", input, n, out=out)


def hermite_polynomial_h(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """H_n(x), the physicist's: 1, 2 x, 4 x^2 - 2, ..."""
    return _polynomial("hermite_polynomial_h", input, n, out=out)


def hermite_polynomial_he(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """He_n(x), the probabilist's: 1, x, x^2 - 1, ..."""
    return _polynomial("hermite_polynomial_he", input, n, out=out)


def laguerre_polynomial_l(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """L_n(x): 1, 1 - x, ..."""
    return _polynomial("laguerre_polynomial_l", input, n, out=out)


def legendre_polynomial_p(input: Any, n: Any, *, out: Any = None) -> Tensor:
    """P_n(x): 1, x, (3 x^2 - 1) / 2, ...

    >>> plait.special.legendre_polynomial_p(plait.tensor([0.5]), plait.tensor([1, 2]))
    tensor([ 0.5000, -0.1250])
    """
    return _polynomial("legendre_polynomial_p", input, n, out=out)
