"""Window functions of M samples. `sym` (the default): symmetric, for the design of filters; else periodic,
for spectra: the first M of M + 1 symmetric samples. Of the default dtype, or float32 or float64 where given.

>>> plait.signal.windows.hann(5)
tensor([0.0000, 0.5000, 1.0000, 0.5000, 0.0000])
"""

from __future__ import annotations

import math

from .. import _C
from .._layout import strided

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .._C import Tensor

__all__ = [
    "bartlett",
    "blackman",
    "cosine",
    "exponential",
    "gaussian",
    "general_cosine",
    "general_hamming",
    "hamming",
    "hann",
    "kaiser",
    "nuttall",
]

_ops = _C.ops


def _window(
    who: str,
    f: Callable[[Tensor, int], Tensor],
    M: int,
    sym: bool,
    dtype: Any = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """f(k, n) for the samples k = 0, ..., M - 1 of a symmetric window of n."""
    if not isinstance(M, int) or isinstance(M, bool) or M < 0:
        raise ValueError(f"signal.windows.{who}: expected M, the number of samples, of at least 0, got {M!r}")
    if layout not in (None, strided):
        raise ValueError(f"signal.windows.{who}: expected a strided layout, got {layout}")
    dtype = _C.get_default_dtype() if dtype is None else dtype
    if dtype not in (_C.float32, _C.float64):
        raise ValueError(f"signal.windows.{who}: expected dtype float32 or float64, got {dtype}")
    n = M if sym else M + 1
    if M < 2:
        out = _ops["ones"]((M,), dtype=dtype, device=device)
    else:
        out = f(_ops["arange"](M, dtype=dtype, device=device), n)
    return out.requires_grad_(requires_grad)


def general_cosine(M: int, *, a: Iterable[float], sym: bool = True, **options: Any) -> Tensor:
    """The sum over i of (-1)^i a_i cos(2 pi i k / (n - 1)).

    >>> plait.signal.windows.general_cosine(3, a=[0.5, 0.5])
    tensor([0., 1., 0.])
    """
    weights = list(a)
    if not weights:
        raise ValueError("signal.windows.general_cosine: expected at least one coefficient in a, got none")

    def f(k, n):
        total = _ops["full_like"](k, weights[0])
        for i, w in enumerate(weights[1:], 1):
            total = total + (-1) ** i * w * (k * (2 * math.pi * i / (n - 1))).cos()
        return total

    return _window("general_cosine", f, M, sym, **options)


def general_hamming(M: int, *, alpha: float = 0.54, sym: bool = True, **options: Any) -> Tensor:
    """alpha - (1 - alpha) cos(2 pi k / (n - 1))."""
    return general_cosine(M, a=[alpha, 1 - alpha], sym=sym, **options)


def hamming(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """general_hamming with alpha = 0.54."""
    return general_hamming(M, sym=sym, **options)


def hann(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """general_hamming with alpha = 1/2: sin^2(pi k / (n - 1))."""
    return general_hamming(M, alpha=0.5, sym=sym, **options)


def blackman(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """general_cosine of 0.42, 0.5 and 0.08."""
    return general_cosine(M, a=[0.42, 0.5, 0.08], sym=sym, **options)


def nuttall(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The four-term cosine window of least side lobes (Nuttall 1981)."""
    return general_cosine(M, a=[0.3635819, 0.4891775, 0.1365995, 0.0106411], sym=sym, **options)


def bartlett(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """The triangle 1 - |2 k / (n - 1) - 1|."""
    return _window("bartlett", lambda k, n: 1 - (k * (2 / (n - 1)) - 1).abs(), M, sym, **options)


def cosine(M: int, *, sym: bool = True, **options: Any) -> Tensor:
    """sin(pi (k + 1/2) / n)."""
    return _window("cosine", lambda k, n: ((k + 0.5) * (math.pi / n)).sin(), M, sym, **options)


def gaussian(M: int, *, std: float = 1.0, sym: bool = True, **options: Any) -> Tensor:
    """exp(-((k - (n - 1) / 2) / std)^2 / 2)."""
    if std <= 0:
        raise ValueError(f"signal.windows.gaussian: expected std > 0, got {std}")
    return _window(
        "gaussian", lambda k, n: (-(((k - (n - 1) / 2) / std).square()) / 2).exp(), M, sym, **options
    )


def exponential(
    M: int, *, center: float | None = None, tau: float = 1.0, sym: bool = True, **options: Any
) -> Tensor:
    """exp(-|k - center| / tau); the centre is the middle unless given, which goes with sym=False only."""
    if tau <= 0:
        raise ValueError(f"signal.windows.exponential: expected tau > 0, got {tau}")
    if sym and center is not None:
        raise ValueError("signal.windows.exponential: expected center only with sym=False")

    def f(k, n):
        return (-(k - ((n - 1) / 2 if center is None else center)).abs() / tau).exp()

    return _window("exponential", f, M, sym, **options)


def kaiser(M: int, *, beta: float = 12.0, sym: bool = True, **options: Any) -> Tensor:
    """I_0(beta sqrt(1 - (2 k / (n - 1) - 1)^2)) / I_0(beta)."""
    if beta < 0:
        raise ValueError(f"signal.windows.kaiser: expected beta >= 0, got {beta}")

    def f(k, n):
        at = (1 - (k * (2 / (n - 1)) - 1).square()).clamp(min=0).sqrt()
        return (at * beta).i0() / _ops["full_like"](k, beta).i0()

    return _window("kaiser", f, M, sym, **options)
