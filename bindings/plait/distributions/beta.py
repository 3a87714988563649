"""The beta distribution."""

from __future__ import annotations

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .gamma import log_gamma_rsample
from .utils import batch_of, broadcast_all, inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Beta"]


class Beta(Distribution):
    """The beta distribution over [0, 1] with `concentration1` (alpha) and `concentration0` (beta), both > 0.

    >>> plait.distributions.Beta(plait.tensor(1.0), plait.tensor(3.0)).mean
    tensor(0.2500)
    """

    arg_constraints = {"concentration1": constraints.positive, "concentration0": constraints.positive}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        concentration1: Tensor | float,
        concentration0: Tensor | float,
        validate_args: bool | None = None,
    ):
        self.concentration1, self.concentration0 = broadcast_all(concentration1, concentration0)
        shape = batch_of((concentration1, concentration0), self.concentration1)
        super().__init__(shape, validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration1 / (self.concentration1 + self.concentration0)

    @property
    def mode(self) -> Tensor:
        from .dirichlet import Dirichlet

        both = plait.stack([self.concentration1, self.concentration0], -1)
        return Dirichlet(both, validate_args=False).mode[..., 0]

    @property
    def variance(self) -> Tensor:
        total = self.concentration1 + self.concentration0
        return self.concentration1 * self.concentration0 / (total**2 * (total + 1))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Beta:
        shape = tuple(batch_shape)
        a, b = self.concentration1.expand(shape), self.concentration0.expand(shape)
        return self._expanded(shape, _instance, concentration1=a, concentration0=b)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        a = log_gamma_rsample(self.concentration1.expand(shape))
        b = log_gamma_rsample(self.concentration0.expand(shape))
        return inside(plait.sigmoid(a - b).to(self.concentration1.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a, b = self.concentration1, self.concentration0
        normaliser = a.lgamma() + b.lgamma() - (a + b).lgamma()
        return plait.xlogy(a - 1, value) + plait.xlogy(b - 1, 1 - value) - normaliser

    def entropy(self) -> Tensor:
        a, b = self.concentration1, self.concentration0
        normaliser = a.lgamma() + b.lgamma() - (a + b).lgamma()
        own = (a - 1) * a.digamma() + (b - 1) * b.digamma()
        return normaliser - own + (a + b - 2) * (a + b).digamma()
