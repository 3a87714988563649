"""The Laplace distribution."""

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

__all__ = ["Laplace"]


class Laplace(Distribution):
    """The Laplace distribution: density exp(-|x - loc| / scale) / (2 scale).

    >>> plait.distributions.Laplace(0.0, 1.0).variance
    tensor(2.)
    """

    arg_constraints = {"loc": constraints.real, "scale": constraints.positive}
    support = constraints.real
    has_rsample = True

    def __init__(self, loc: Tensor | float, scale: Tensor | float, validate_args: bool | None = None):
        self.loc, self.scale = broadcast_all(loc, scale)
        super().__init__(batch_of((loc, scale), self.loc), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def stddev(self) -> Tensor:
        return 2**0.5 * self.scale

    @property
    def variance(self) -> Tensor:
        return 2 * self.scale**2

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Laplace:
        shape = tuple(batch_shape)
        return self._expanded(shape, _instance, loc=self.loc.expand(shape), scale=self.scale.expand(shape))

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        # The difference of two exponentials, whose tails, unlike -log(u)'s, have no smallest probability.
        shape = self._extended_shape(sample_shape)
        draws = [plait.empty(shape, dtype=self.loc.dtype, device=self.loc.device) for _ in range(2)]
        return self.loc + self.scale * (draws[0].exponential_() - draws[1].exponential_())

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        return -(2 * self.scale).log() - (value - self.loc).abs() / self.scale

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        x = (value - self.loc) / self.scale
        return 0.5 - 0.5 * x.sign() * (-x.abs()).expm1()

    def icdf(self, value: Tensor) -> Tensor:
        centred = value - 0.5
        return self.loc - self.scale * centred.sign() * (-2 * centred.abs()).log1p()

    def entropy(self) -> Tensor:
        return 1 + (2 * self.scale).log()
