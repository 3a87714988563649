"""Student's t-distribution."""

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

__all__ = ["StudentT"]


class StudentT(Distribution):
    """loc + scale t, where t has Student's distribution with `df` > 0 degrees of freedom.

    >>> plait.distributions.StudentT(1.0).log_prob(plait.tensor(0.0))
    tensor(-1.1447)
    """

    arg_constraints = {
        "df": constraints.positive,
        "loc": constraints.real,
        "scale": constraints.positive,
    }
    support = constraints.real
    has_rsample = True

    def __init__(
        self,
        df: Tensor | float,
        loc: Tensor | float = 0.0,
        scale: Tensor | float = 1.0,
        validate_args: bool | None = None,
    ):
        self.df, self.loc, self.scale = broadcast_all(df, loc, scale)
        super().__init__(batch_of((df, loc, scale), self.df), validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return plait.where(self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        found = self.scale**2 * self.df / (self.df - 2)
        found = plait.where(self.df > 2, found, math.inf)
        return plait.where(self.df > 1, found, math.nan)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> StudentT:
        shape = tuple(batch_shape)
        return self._expanded(
            shape,
            _instance,
            df=self.df.expand(shape),
            loc=self.loc.expand(shape),
            scale=self.scale.expand(shape),
        )

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        from .gamma import Gamma

        shape = self._extended_shape(sample_shape)
        normal = plait.randn(shape, dtype=self.df.dtype, device=self.df.device)
        # chi-squared with df degrees of freedom
        chi = Gamma(self.df / 2, plait.full_like(self.df, 0.5), validate_args=False).rsample(sample_shape)
        return self.loc + self.scale * (normal * (self.df / chi).sqrt())

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        z = (value - self.loc) / self.scale
        norm = (
            self.scale.log()
            + 0.5 * (self.df * math.pi).log()
            + plait.lgamma(0.5 * self.df)
            - plait.lgamma(0.5 * (self.df + 1))
        )
        return -0.5 * (self.df + 1) * (z**2 / self.df).log1p() - norm

    def entropy(self) -> Tensor:
        half, more = 0.5 * self.df, 0.5 * (self.df + 1)
        log_beta = plait.lgamma(half) + math.lgamma(0.5) - plait.lgamma(more)
        spread = more * (plait.digamma(more) - plait.digamma(half))
        return self.scale.log() + spread + 0.5 * self.df.log() + log_beta
