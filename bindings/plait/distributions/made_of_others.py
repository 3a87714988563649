"""Functions of draws of other distributions: InverseGamma, Kumaraswamy, LogisticNormal, FisherSnedecor."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .gamma import Gamma
from .normal import Normal
from .transformed_distribution import TransformedDistribution
from .transforms import AffineTransform, PowerTransform, StickBreakingTransform
from .uniform import Uniform
from .utils import batch_of, broadcast_all

__all__ = ["FisherSnedecor", "InverseGamma", "Kumaraswamy", "LogisticNormal"]


class InverseGamma(TransformedDistribution):
    """1 / x for x of Gamma(concentration, rate).

    >>> InverseGamma(plait.tensor(3.0), plait.tensor(4.0)).mean
    tensor(2.)
    """

    arg_constraints = {"concentration": constraints.positive, "rate": constraints.positive}
    support = constraints.positive

    def __init__(
        self, concentration: Tensor | float, rate: Tensor | float, validate_args: bool | None = None
    ):
        base = Gamma(concentration, rate, validate_args=validate_args)
        power = PowerTransform(-base.rate.new_ones(()))
        super().__init__(base, power, validate_args=validate_args)

    @property
    def concentration(self) -> Tensor:
        """The shape of the gamma distribution."""
        return self.base_dist.concentration

    @property
    def rate(self) -> Tensor:
        """The rate of the gamma distribution: the scale of this one."""
        return self.base_dist.rate

    @property
    def mean(self) -> Tensor:
        a = self.concentration
        return plait.where(a > 1, self.rate / (a - 1), math.inf)

    @property
    def mode(self) -> Tensor:
        return self.rate / (self.concentration + 1)

    @property
    def variance(self) -> Tensor:
        a = self.concentration
        return plait.where(a > 2, self.rate**2 / ((a - 1) ** 2 * (a - 2)), math.inf)

    def entropy(self) -> Tensor:
        a = self.concentration
        return a + self.rate.log() + a.lgamma() - (1 + a) * a.digamma()


class Kumaraswamy(TransformedDistribution):
    """Over [0, 1], with cdf 1 - (1 - x ^ concentration1) ^ concentration0: like Beta, with simple formulas.

    >>> Kumaraswamy(plait.tensor(1.0), plait.tensor(1.0)).mean
    tensor(0.5000)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval

    def __init__(
        self,
        concentration1: Tensor | float,
        concentration0: Tensor | float,
        validate_args: bool | None = None,
    ):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        # Away from 0 and 1, where the powers' derivatives are infinite.
        eps = plait.finfo(self.concentration0.dtype).eps
        low = plait.full_like(self.concentration0, eps)
        base = Uniform(low, 1 - low, validate_args=validate_args)
        steps = [
            PowerTransform(1 / self.concentration0),
            AffineTransform(1.0, -1.0),
            PowerTransform(1 / self.concentration1),
        ]
        super().__init__(base, steps, validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Kumaraswamy:
        shape = tuple(batch_shape)
        a, b = self.concentration1.expand(shape), self.concentration0.expand(shape)
        if _instance is None:
            return Kumaraswamy(a, b, validate_args=False)
        _instance.concentration1, _instance.concentration0 = a, b
        super().expand(shape, _instance)
        return _instance

    def _moment(self, n: int) -> Tensor:
        a, b = self.concentration1, self.concentration0
        logs = (1 + n / a).lgamma() + b.log() + b.lgamma() - (1 + b + n / a).lgamma()
        return logs.exp()

    @property
    def mean(self) -> Tensor:
        return self._moment(1)

    @property
    def mode(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        inside = (a >= 1) & (b >= 1) & ~((a == 1) & (b == 1))
        return plait.where(inside, ((a - 1) / (a * b - 1)).clamp_min(0) ** (1 / a), math.nan)

    @property
    def variance(self) -> Tensor:
        return self._moment(2) - self._moment(1) ** 2

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        harmonic = (b + 1).digamma() + 0.5772156649015329
        return 1 - 1 / b + (1 - 1 / a) * harmonic - a.log() - b.log()


class LogisticNormal(TransformedDistribution):
    """K probabilities, by StickBreakingTransform of K - 1 normal numbers of mean `loc` and deviation `scale`
    (..., K - 1).

    >>> LogisticNormal(plait.zeros(3), plait.ones(3)).sample().sum()
    tensor(1.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.simplex

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None):
        base = Normal(loc, scale, validate_args=validate_args)
        if not base.batch_shape:
            base = base.expand([1])
        super().__init__(base, StickBreakingTransform(), validate_args=validate_args)

    @property
    def loc(self) -> Tensor:
        """The means of the normal numbers."""
        return self.base_dist.base_dist.loc

    @property
    def scale(self) -> Tensor:
        """The standard deviations of the normal numbers."""
        return self.base_dist.base_dist.scale


class FisherSnedecor(Distribution):
    """The ratio of two chi-squared variables of df1 and df2 degrees of freedom, each over its degrees.

    >>> FisherSnedecor(plait.tensor(2.0), plait.tensor(4.0)).mean
    tensor(2.)
    """

    arg_constraints = {"df1": constraints.positive, "df2": constraints.positive}
    support = constraints.positive
    has_rsample = True

    def __init__(self, df1: Tensor | float, df2: Tensor | float, validate_args: bool | None = None):
        self.df1, self.df2 = broadcast_all(df1, df2)
        super().__init__(batch_of((df1, df2), self.df1), validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> FisherSnedecor:
        shape = tuple(batch_shape)
        return self._expanded(shape, _instance, df1=self.df1.expand(shape), df2=self.df2.expand(shape))

    @property
    def mean(self) -> Tensor:
        return plait.where(self.df2 > 2, self.df2 / (self.df2 - 2), math.nan)

    @property
    def mode(self) -> Tensor:
        value = (self.df1 - 2) / self.df1 * self.df2 / (self.df2 + 2)
        return plait.where(self.df1 > 2, value, math.nan)

    @property
    def variance(self) -> Tensor:
        a, b = self.df1, self.df2
        value = 2 * b**2 * (a + b - 2) / (a * (b - 2) ** 2 * (b - 4))
        return plait.where(b > 4, value, math.nan)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        # A gamma variable of shape df / 2 and rate df / 2 is a chi-squared one over its degrees.
        top, bottom = (
            Gamma(df / 2, df / 2, validate_args=False).rsample(sample_shape) for df in (self.df1, self.df2)
        )
        return top / bottom

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a, b = self.df1 / 2, self.df2 / 2
        ratio = self.df1 / self.df2
        normaliser = (a + b).lgamma() - a.lgamma() - b.lgamma() + a * ratio.log()
        return normaliser + (a - 1) * value.log() - (a + b) * (ratio * value).log1p()
