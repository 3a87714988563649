"""Counts: the Poisson and the negative binomial distribution."""

from __future__ import annotations

import plait
from plait import Tensor

from . import constraints
from .binomial import Trials
from .distribution import Distribution
from .utils import batch_of, broadcast_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["NegativeBinomial", "Poisson"]


class Poisson(Distribution):
    """The number of events in a unit of time that come independently, `rate` >= 0 on average.

    >>> plait.distributions.Poisson(plait.tensor(4.0)).log_prob(plait.tensor(0.0))
    tensor(-4.)
    """

    arg_constraints = {"rate": constraints.nonnegative}
    support = constraints.nonnegative_integer

    def __init__(self, rate: Tensor | float, validate_args: bool | None = None):
        (self.rate,) = broadcast_all(rate)
        super().__init__(batch_of((rate,), self.rate), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.rate

    @property
    def mode(self) -> Tensor:
        return self.rate.floor()

    @property
    def variance(self) -> Tensor:
        return self.rate

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Poisson:
        shape = tuple(batch_shape)
        return self._expanded(shape, _instance, rate=self.rate.expand(shape))

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            return plait.poisson(self.rate.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        rate, value = broadcast_all(self.rate, value)
        return plait.xlogy(value, rate) - rate - (value + 1).lgamma()


class NegativeBinomial(Trials):
    """The number of successes of probability `probs` (or log odds `logits`) before `total_count` failures.

    >>> plait.distributions.NegativeBinomial(3, plait.tensor(0.5)).mean
    tensor(3.)
    """

    arg_constraints = {
        "total_count": constraints.nonnegative,
        "probs": constraints.half_open_interval(0, 1),
        "logits": constraints.real,
    }
    support = constraints.nonnegative_integer

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.logits.exp()

    @property
    def mode(self) -> Tensor:
        return ((self.total_count - 1) * self.logits.exp()).floor().clamp(min=0)

    @property
    def variance(self) -> Tensor:
        return self.mean / plait.sigmoid(-self.logits)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        from .gamma import Gamma

        with plait.no_grad():  # a Poisson distribution whose rate follows a gamma distribution
            rate = Gamma(self.total_count, (-self.logits).exp(), validate_args=False).sample(sample_shape)
            return plait.poisson(rate)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        log: Any = plait.nn.functional.logsigmoid
        weight = self.total_count * log(-self.logits) + value * log(self.logits)
        ways = (self.total_count + value).lgamma() - (1 + value).lgamma() - self.total_count.lgamma()
        return weight + ways.masked_fill(self.total_count + value == 0, 0.0)
