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


def refuse_gradient(who: str, *parameters: Tensor) -> None:
    """Raises where a sample would have to carry a gradient through the rejection loop."""
    if plait.is_grad_enabled() and any(p.requires_grad for p in parameters):
        raise NotImplementedError(
            f"{who}.rsample: the derivative of samples with respect to the concentration is not implemented; "
            "use sample(), and log_prob() for a score-function gradient"
        )


class Gamma(Distribution):
    """The gamma distribution with shape `concentration` > 0 and inverse scale `rate` > 0.

    rsample carries the gradient of `rate`; where `concentration` requires grad it raises.

    >>> plait.distributions.Gamma(plait.tensor(2.0), plait.tensor(4.0)).mean
    tensor(0.5000)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.nonnegative

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
        refuse_gradient("Gamma", self.concentration)
        shape = self._extended_shape(sample_shape)
        draws = log_gamma_draws(self.concentration.expand(shape)).exp().to(self.rate.dtype)
        return (draws / self.rate).clamp_min(plait.finfo(self.rate.dtype).tiny)

    def log_prob(self, value: Tensor) -> Tensor:
        value = plait.as_tensor(value, dtype=self.rate.dtype, device=self.rate.device)
        self._validate_sample(value)
        a, b = self.concentration, self.rate
        return plait.xlogy(a, b) + plait.xlogy(a - 1, value) - b * value - a.lgamma()

    def entropy(self) -> Tensor:
        a = self.concentration
        return a - self.rate.log() + a.lgamma() + (1 - a) * a.digamma()
