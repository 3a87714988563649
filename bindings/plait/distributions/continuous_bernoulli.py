"""The continuous Bernoulli distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .utils import (
    batch_of,
    broadcast_all,
    clamp_probs,
    either,
    lazy_property,
    logits_to_probs,
    probs_to_logits,
)

__all__ = ["ContinuousBernoulli"]


class ContinuousBernoulli(Distribution):
    """Over [0, 1], with density proportional to probs^x (1 - probs)^(1 - x) (Loaiza-Ganem and Cunningham
    2019): for pixels between 0 and 1. For probs within `lims`, around 1/2, series take the place of formulas
    that cancel there.

    >>> ContinuousBernoulli(plait.tensor(0.5)).mean
    tensor(0.5000)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True
    _lims: tuple[float, float]

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        lims: tuple[float, float] = (0.499, 0.501),
        validate_args: bool | None = None,
    ):
        either("ContinuousBernoulli", probs, logits)
        self._lims = lims
        if probs is not None:
            (value,) = broadcast_all(probs)
            if (validate_args if validate_args is not None else self._validate_args) and not (
                constraints.unit_interval.check(value).all()
            ):
                raise ValueError("ContinuousBernoulli: expected probs in [0, 1]")
            self.probs = value = clamp_probs(value)
        else:
            (value,) = broadcast_all(logits)
            self.logits = value
        shape = batch_of((logits if probs is None else probs,), value)
        super().__init__(shape, validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The parameter, which is not the probability of anything."""
        return clamp_probs(logits_to_probs(self.logits, is_binary=True))

    @property
    def param_shape(self) -> Any:
        """The shape of probs and logits."""
        return self.probs.shape

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> ContinuousBernoulli:
        shape = tuple(batch_shape)
        given = {k: v.expand(shape) for k, v in self.__dict__.items() if k in ("probs", "logits")}
        new = self._expanded(shape, _instance, **given)
        new._lims = self._lims
        return new

    def _away(self) -> tuple[Tensor, Tensor]:
        """Where probs is away from 1/2, and probs kept there."""
        away = (self.probs <= self._lims[0]) | (self.probs > self._lims[1])
        return away, plait.where(away, self.probs, self._lims[0])

    def _log_constant(self) -> Tensor:
        away, p = self._away()
        exact = (((-p).log1p() - p.log()).abs()).log() - (1 - 2 * p).abs().log()
        x = (self.probs - 0.5) ** 2
        return plait.where(away, exact, math.log(2.0) + (4 / 3 + 104 / 45 * x) * x)

    @property
    def mean(self) -> Tensor:
        away, p = self._away()
        exact = p / (2 * p - 1) + 1 / ((-p).log1p() - p.log())
        x = self.probs - 0.5
        return plait.where(away, exact, 0.5 + (1 / 3 + 16 / 45 * x**2) * x)

    @property
    def variance(self) -> Tensor:
        away, p = self._away()
        exact = p * (p - 1) / (1 - 2 * p) ** 2 + 1 / ((-p).log1p() - p.log()) ** 2
        x = (self.probs - 0.5) ** 2
        return plait.where(away, exact, 1 / 12 - (1 / 15 - 128 / 945 * x) * x)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        return self.icdf(plait.rand(shape, dtype=self.probs.dtype, device=self.probs.device))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        # x log p + (1 - x) log(1 - p)
        return value * self.logits - plait.softplus(self.logits) + self._log_constant()

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        away, p = self._away()
        exact = (p**value * (1 - p) ** (1 - value) + p - 1) / (2 * p - 1)
        return plait.where(away, exact, value).clamp(0, 1)

    def icdf(self, value: Tensor) -> Tensor:
        away, p = self._away()
        exact = ((-p + value * (2 * p - 1)).log1p() - (-p).log1p()) / (p.log() - (-p).log1p())
        return plait.where(away, exact, value)

    def entropy(self) -> Tensor:
        low, high = (-self.probs).log1p(), self.probs.log()
        return self.mean * (low - high) - self._log_constant() - low
