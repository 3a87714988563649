"""The half-normal distribution."""

from __future__ import annotations

import math

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .utils import batch_of, broadcast_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["HalfNormal"]


class HalfNormal(Distribution):
    """|x| for normal x of mean 0 and standard deviation `scale`.

    >>> plait.distributions.HalfNormal(1.0).mean
    tensor(0.7979)
    """

    arg_constraints = {"scale": constraints.positive}
    support = constraints.nonnegative
    has_rsample = True

    def __init__(self, scale: Tensor | float, validate_args: bool | None = None):
        (self.scale,) = broadcast_all(scale)
        super().__init__(batch_of((scale,), self.scale), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.scale * math.sqrt(2 / math.pi)

    @property
    def mode(self) -> Tensor:
        return plait.zeros_like(self.scale)

    @property
    def variance(self) -> Tensor:
        return self.scale**2 * (1 - 2 / math.pi)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> HalfNormal:
        shape = tuple(batch_shape)
        return self._expanded(shape, _instance, scale=self.scale.expand(shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return plait.randn(shape, dtype=self.scale.dtype, device=self.scale.device).abs() * self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        density = 0.5 * math.log(2 / math.pi) - self.scale.log() - value**2 / (2 * self.scale**2)
        return plait.where(value >= 0, density, -math.inf)

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return plait.erf(value / (self.scale * math.sqrt(2)))

    def icdf(self, value: Tensor) -> Tensor:
        return self.scale * math.sqrt(2) * plait.erfinv(value)

    def entropy(self) -> Tensor:
        return self.scale.log() + 0.5 * math.log(math.pi / 2) + 0.5
