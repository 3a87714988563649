"""Variables with a lower bound: half-Cauchy, Pareto, generalised Pareto, Weibull."""

from __future__ import annotations

import math

import plait
from plait import Tensor

from . import constraints
from .cauchy import Cauchy
from .distribution import Distribution
from .transformed_distribution import TransformedDistribution
from .transforms import AbsTransform
from .utils import batch_of, broadcast_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["GeneralizedPareto", "HalfCauchy", "Pareto", "Weibull"]

_EULER = 0.57721566490153286061


class HalfCauchy(TransformedDistribution):
    """|x| for x of the Cauchy distribution with median 0; its mean and variance are infinite.

    >>> plait.distributions.HalfCauchy(1.0).cdf(plait.tensor(1.0))
    tensor(0.5000)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative

    def __init__(self, scale: Tensor | float, validate_args: bool | None = None):
        base = Cauchy(0.0, scale, validate_args=False)
        super().__init__(base, AbsTransform(), validate_args=validate_args)

    @property
    def scale(self) -> Tensor:
        """The scale of x."""
        return self.base_dist.scale

    @property
    def mean(self) -> Tensor:
        return plait.full_like(self.scale, math.inf)

    @property
    def mode(self) -> Tensor:
        return plait.zeros_like(self.scale)

    @property
    def variance(self) -> Tensor:
        return plait.full_like(self.scale, math.inf)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        density = math.log(2 / math.pi) - self.scale.log() - (value / self.scale).square().log1p()
        return plait.where(value >= 0, density, -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return (value / self.scale).atan() * (2 / math.pi)

    def icdf(self, value: Tensor) -> Tensor:
        return (value * (math.pi / 2)).tan() * self.scale

    def entropy(self) -> Tensor:
        return math.log(2 * math.pi) + self.scale.log()


class Pareto(Distribution):
    """Values of `scale` and more, whose density falls as a power: P(x > y) = (scale / y)^alpha.

    >>> plait.distributions.Pareto(1.0, 2.0).mean
    tensor(2.)
    """

    arg_constraints = {"alpha": constraints.positive, "scale": constraints.positive}
    has_rsample = True

    def __init__(self, scale: Tensor | float, alpha: Tensor | float, validate_args: bool | None = None):
        self.scale, self.alpha = broadcast_all(scale, alpha)
        super().__init__(batch_of((scale, alpha), self.scale), validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """`scale` and more."""
        return constraints.greater_than_eq(self.scale)

    @property
    def mean(self) -> Tensor:
        return plait.where(self.alpha > 1, self.alpha * self.scale / (self.alpha - 1), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.scale

    @property
    def variance(self) -> Tensor:
        a = self.alpha
        return plait.where(a > 2, self.scale**2 * a / ((a - 1) ** 2 * (a - 2)), math.inf)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Pareto:
        shape = tuple(batch_shape)
        given = {"scale": self.scale.expand(shape), "alpha": self.alpha.expand(shape)}
        return self._expanded(shape, _instance, **given)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = plait.empty(shape, dtype=self.scale.dtype, device=self.scale.device).exponential_()
        return self.scale * (noise / self.alpha).exp()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return self.alpha.log() + self.alpha * self.scale.log() - (self.alpha + 1) * value.log()

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return -(self.alpha * (self.scale / value).log()).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (-(-value).log1p() / self.alpha).exp()

    def entropy(self) -> Tensor:
        return (self.scale / self.alpha).log() + 1 + 1 / self.alpha


class GeneralizedPareto(Distribution):
    """What exceeds a high threshold `loc` (Pickands 1975): P(x > y) = (1 + c z)^(-1 / c) with the
    concentration c and z = (y - loc) / scale; exp(-z) for c = 0. A negative c bounds x from above.

    >>> plait.distributions.GeneralizedPareto(0.0, 1.0, 0.5).mean
    tensor(2.)
    """

    arg_constraints = {
        "loc": constraints.real,
        "scale": constraints.positive,
        "concentration": constraints.real,
    }
    has_rsample = True

    def __init__(
        self,
        loc: Tensor | float,
        scale: Tensor | float,
        concentration: Tensor | float,
        validate_args: bool | None = None,
    ):
        self.loc, self.scale, self.concentration = broadcast_all(loc, scale, concentration)
        shape = batch_of((loc, scale, concentration), self.loc)
        super().__init__(shape, validate_args=validate_args)

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> Any:
        """`loc` and more, to loc - scale / concentration where that is above."""
        bound = self.loc - self.scale / self.concentration
        return constraints.interval(self.loc, plait.where(self.concentration < 0, bound, math.inf))

    @property
    def mean(self) -> Tensor:
        c = self.concentration
        return plait.where(c < 1, self.loc + self.scale / (1 - plait.where(c < 1, c, 0.5)), math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        c = plait.where(self.concentration < 0.5, self.concentration, 0.25)
        known = self.scale**2 / ((1 - c) ** 2 * (1 - 2 * c))
        return plait.where(self.concentration < 0.5, known, math.nan)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> GeneralizedPareto:
        shape = tuple(batch_shape)
        given = {k: getattr(self, k).expand(shape) for k in ("loc", "scale", "concentration")}
        return self._expanded(shape, _instance, **given)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(plait.rand(shape, dtype=self.loc.dtype, device=self.loc.device))

    def _log_survival(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """log P(x > value), and the concentration with 1 in the places of 0."""
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        zero = self.concentration == 0
        c = plait.where(zero, 1.0, self.concentration)
        return plait.where(zero, -z, -(c * z).log1p() / c), c

    def log_prob(self, value: Tensor) -> Tensor:
        log_survival, c = self._log_survival(value)
        power = plait.where(self.concentration == 0, 1.0, 1 + c)
        return power * log_survival - self.scale.log()

    def cdf(self, value: Tensor) -> Tensor:
        return -self._log_survival(value)[0].expm1()

    def icdf(self, value: Tensor) -> Tensor:
        log_survival = (-value).log1p()
        zero = self.concentration == 0
        c = plait.where(zero, 1.0, self.concentration)
        return self.loc + self.scale * plait.where(zero, -log_survival, (-c * log_survival).expm1() / c)

    def entropy(self) -> Tensor:
        return self.scale.log() + self.concentration + 1


class Weibull(Distribution):
    """P(x > y) = exp(-(y / scale)^concentration): how long things last that fail at a rate which is a
    power of time.

    >>> plait.distributions.Weibull(2.0, 1.0).mean
    tensor(2.)
    """

    arg_constraints = {"scale": constraints.positive, "concentration": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(
        self, scale: Tensor | float, concentration: Tensor | float, validate_args: bool | None = None
    ):
        self.scale, self.concentration = broadcast_all(scale, concentration)
        super().__init__(batch_of((scale, concentration), self.scale), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * plait.lgamma(1 + 1 / self.concentration).exp()

    @property
    def mode(self) -> Tensor:
        k = self.concentration
        return plait.where(k > 1, self.scale * ((k - 1).clamp(min=0) / k) ** (1 / k), 0.0)

    @property
    def variance(self) -> Tensor:
        k = self.concentration
        return self.scale**2 * (plait.lgamma(1 + 2 / k).exp() - (2 * plait.lgamma(1 + 1 / k)).exp())

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Weibull:
        shape = tuple(batch_shape)
        given = {"scale": self.scale.expand(shape), "concentration": self.concentration.expand(shape)}
        return self._expanded(shape, _instance, **given)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = plait.empty(shape, dtype=self.scale.dtype, device=self.scale.device).exponential_()
        return self.scale * noise ** (1 / self.concentration)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        k, z = self.concentration, value / self.scale
        return (k / self.scale).log() + (k - 1) * z.log() - z**k

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return -(-((value / self.scale) ** self.concentration)).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * (-(-value).log1p()) ** (1 / self.concentration)

    def entropy(self) -> Tensor:
        k = self.concentration
        return _EULER * (1 - 1 / k) + (self.scale / k).log() + 1
