"""The gamma distribution, and the sampler that Beta and Dirichlet share."""

from __future__ import annotations

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .utils import batch_of, broadcast_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Gamma"]


def log_gamma_draws(concentration: Tensor) -> Tensor:
    """The logarithms of draws from Gamma(concentration, 1), one for each element, in float64.

    Marsaglia and Tsang 2000, "A simple method for generating gamma variables": d v with d = a - 1/3 and
    v = (1 + x / sqrt(9 d))^3 for a normal x is accepted with a probability above 0.95; what is rejected is
    drawn again. For a < 1 a draw for a + 1 is scaled by u^(1 / a). Logarithms, since that factor underflows
    for small a.
    """
    a = concentration.detach().to(plait.float64).reshape(-1)
    small = a < 1
    d = plait.where(small, a + 1, a) - 1 / 3
    result = plait.full_like(d, float("nan"))
    left = (d == d).nonzero().reshape(-1)  # NaN stays NaN
    while left.numel():
        dd = d[left]
        x = plait.randn(tuple(dd.shape), dtype=plait.float64, device=dd.device)
        u = plait.rand(tuple(dd.shape), dtype=plait.float64, device=dd.device)
        cube_root = 1 + x / (9 * dd).sqrt()
        # Infinite concentrations (v = 1, d = inf) are accepted too: log v is 0.
        log_v = 3 * cube_root.clamp_min(1e-300).log()
        bound = 0.5 * x * x + plait.where(dd.isinf(), -0.5 * x * x, dd * (1 - log_v.exp() + log_v))
        accepted = (cube_root > 0) & (u.log() <= bound)
        result[left[accepted]] = (dd.log() + log_v)[accepted]
        left = left[~accepted]
    # 1 - u is never 0.
    u = 1 - plait.rand(tuple(a.shape), dtype=plait.float64, device=a.device)
    boosted = result + u.log() / plait.where(small, a, 1.0)
    return plait.where(small, boosted, result).reshape(concentration.shape)


def _log_draw_slope(a: Tensor, log_x: Tensor) -> Tensor:
    """The derivative of the logarithm of a draw x of Gamma(a, 1) with respect to a, where the probability of
    draws below x is held: -(dP/da) / (x p(x)), with P(a, x) = igamma (Figurnov, Mohamed and Mnih 2018,
    "Implicit reparameterization gradients").

    P or 1 - P, whichever is smaller, is differenced, as the smaller one has the digits. Where x is so small
    that P is the first term of its series, x^a / Gamma(a + 1), its logarithm is differentiated.
    """
    x = log_x.exp()
    h = 1e-4 * a
    # Central differences of fourth order: the error is that of rounding, about 1e-11.
    steps = ((-2, 1 / 12), (-1, -2 / 3), (1, 2 / 3), (2, -1 / 12))
    below = sum(w * plait.special.gammainc(a + k * h, x) for k, w in steps)
    above = sum(w * plait.special.gammaincc(a + k * h, x) for k, w in steps)
    slope = plait.where(x < a, below, -above) / h
    log_density = a * log_x - x - a.lgamma()  # of log x
    implicit = -slope / log_density.exp()
    tiny = (plait.digamma(a + 1) - log_x) / a
    return plait.where(x < 1e-10 * (1 + a), tiny, implicit)


class _LogGammaDraws(plait.autograd.Function):
    @staticmethod
    def forward(ctx: Any, concentration: Tensor) -> Tensor:
        draws = log_gamma_draws(concentration)
        ctx.save_for_backward(concentration, draws)
        return draws

    @staticmethod
    @plait.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        concentration, draws = ctx.saved_tensors
        slope = _log_draw_slope(concentration.to(plait.float64), draws)
        return (grad * slope).to(concentration.dtype)


def log_gamma_rsample(concentration: Tensor) -> Tensor:
    """log_gamma_draws, as a differentiable function of the concentration."""
    if plait.is_grad_enabled() and concentration.requires_grad:
        return _LogGammaDraws.apply(concentration)
    return log_gamma_draws(concentration)


def _standard_gamma(input: Tensor) -> Tensor:
    """Draws from Gamma(input, 1), differentiable functions of input: the name of PyTorch's op."""
    return log_gamma_rsample(input).exp().to(input.dtype)


class Gamma(Distribution):
    """The gamma distribution with shape `concentration` > 0 and inverse scale `rate` > 0.

    >>> plait.distributions.Gamma(plait.tensor(2.0), plait.tensor(4.0)).mean
    tensor(0.5000)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(
        self, concentration: Tensor | float, rate: Tensor | float, validate_args: bool | None = None
    ):
        self.concentration, self.rate = broadcast_all(concentration, rate)
        super().__init__(batch_of((concentration, rate), self.rate), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.rate

    @property
    def mode(self) -> Tensor:
        return ((self.concentration - 1) / self.rate).clamp_min(0)

    @property
    def variance(self) -> Tensor:
        return self.concentration / self.rate**2

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Gamma:
        shape = tuple(batch_shape)
        a, b = self.concentration.expand(shape), self.rate.expand(shape)
        return self._expanded(shape, _instance, concentration=a, rate=b)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        draws = log_gamma_rsample(self.concentration.expand(shape)).exp().to(self.rate.dtype)
        return (draws / self.rate).clamp_min(plait.finfo(self.rate.dtype).tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        value = plait.as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        self._validate_sample(value)
        a, b = self.concentration, self.rate
        return plait.xlogy(a, b) + plait.xlogy(a - 1, value) - b * value - a.lgamma()

    def cdf(self, value: Tensor) -> Tensor:
        value = plait.as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        self._validate_sample(value)
        return plait.special.gammainc(self.concentration, self.rate * value)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1 - a) * a.digamma()
