"""Special functions, with SciPy's and PyTorch's names: most are ops under another name.

>>> plait.special.expit(plait.tensor(0.0))
tensor(0.5000)
"""

from __future__ import annotations

import math

from . import _C, _polynomials
from ._autocast import one_op
from ._out import with_out

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ._C import Tensor

_OPS = {
    "bessel_j0": "special_bessel_j0",
    "bessel_j1": "special_bessel_j1",
    "bessel_y0": "special_bessel_y0",
    "bessel_y1": "special_bessel_y1",
    "digamma": "digamma",
    "entr": "special_entr",
    "erf": "erf",
    "erfc": "erfc",
    "erfcx": "special_erfcx",
    "erfinv": "erfinv",
    "exp2": "exp2",
    "expit": "sigmoid",
    "expm1": "expm1",
    "gammainc": "igamma",
    "gammaincc": "igammac",
    "gammaln": "lgamma",
    "i0": "i0",
    "i0e": "special_i0e",
    "i1": "special_i1",
    "i1e": "special_i1e",
    "log1p": "log1p",
    "log_softmax": "log_softmax",
    "log_ndtr": "special_log_ndtr",
    "logit": "logit",
    "logsumexp": "logsumexp",
    "modified_bessel_i0": "i0",
    "modified_bessel_i1": "special_i1",
    "modified_bessel_k0": "special_modified_bessel_k0",
    "modified_bessel_k1": "special_modified_bessel_k1",
    "polygamma": "polygamma",
    "psi": "digamma",
    "round": "round",
    "scaled_modified_bessel_k0": "special_scaled_modified_bessel_k0",
    "scaled_modified_bessel_k1": "special_scaled_modified_bessel_k1",
    "sinc": "sinc",
    "softmax": "softmax",
    "spherical_bessel_j0": "special_spherical_bessel_j0",
    "xlog1py": "special_xlog1py",
    "xlogy": "xlogy",
    "zeta": "special_zeta",
}

__all__ = ["airy_ai", "multigammaln", "ndtr", "ndtri", *_OPS, *_polynomials.__all__]


def __getattr__(name: str) -> Any:
    if name in _OPS:
        found = globals()[name] = _C.ops[_OPS[name]]
        return found
    if name in _polynomials.__all__:
        return globals().setdefault(name, getattr(_polynomials, name))
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'; see dir(plait.special)")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})



@with_out
@one_op()
def airy_ai(input: Tensor, *, out: Any = None) -> Tensor:
    """The Airy function Ai, the solution of y'' = x y that decays for large x. NaN at infinities but +inf.

    Dtypes: real ones; integers give the default float.

    >>> plait.special.airy_ai(plait.tensor([0.0, 1.0]))
    tensor([0.3550, 0.1353])
    """
    if input.is_complex():
        raise TypeError(f"special.airy_ai: expected a real dtype, got {input.dtype}")
    from ._airy import airy_ai as values

    return values(input)


@with_out
@one_op()
def ndtr(input: Tensor, *, out: Any = None) -> Tensor:
    """The cumulative distribution function of the standard normal distribution.

    >>> plait.special.ndtr(plait.tensor(0.0))
    tensor(0.5000)
    """
    return 0.5 * _C.ops["erfc"](input * -math.sqrt(0.5))


@with_out
@one_op()
def ndtri(input: Tensor, *, out: Any = None) -> Tensor:
    """The inverse of ndtr."""
    return math.sqrt(2) * _C.ops["erfinv"](2.0 * input - 1.0)



@with_out
@one_op()
def multigammaln(input: Tensor, p: int, *, out: Any = None) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p; input > (p - 1) / 2."""
    if p < 1:
        raise ValueError(f"multigammaln: expected p >= 1, got {p}")
    steps = _C.ops["arange"](p, dtype=input.dtype, device=input.device) / 2
    return (input.unsqueeze(-1) - steps).lgamma().sum(-1) + p * (p - 1) / 4 * math.log(math.pi)
