"""The Dirichlet distribution."""

from __future__ import annotations

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .gamma import log_gamma_rsample
from .utils import inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Dirichlet"]


class Dirichlet(Distribution):
    """Vectors of K probabilities, with `concentration` (..., K) > 0.

    >>> plait.distributions.Dirichlet(plait.tensor([1.0, 3.0])).mean
    tensor([0.2500, 0.7500])
    """

    arg_constraints = {"concentration": constraints.independent(constraints.positive, 1)}
    support = constraints.simplex
    has_rsample = True

    def __init__(self, concentration: Tensor, validate_args: bool | None = None):
        if not isinstance(concentration, Tensor) or concentration.dim() < 1:
            raise ValueError(
                f"Dirichlet: expected concentration of at least one dimension, got {concentration!r}"
            )
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    @property
    def mean(self) -> Tensor:
        return self.concentration / self.concentration.sum(-1, keepdim=True)

    @property
    def mode(self) -> Tensor:
        above = (self.concentration - 1).clamp_min(0)
        inner = above / above.sum(-1, keepdim=True)
        flat = (self.concentration < 1).all(-1, keepdim=True)
        corner = plait.one_hot(self.concentration.argmax(-1), self._event_shape[0]).to(inner.dtype)
        return plait.where(flat, corner, inner)

    @property
    def variance(self) -> Tensor:
        total = self.concentration.sum(-1, keepdim=True)
        return self.concentration * (total - self.concentration) / (total**2 * (total + 1))

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Dirichlet:
        shape = tuple(batch_shape)
        return self._expanded(
            shape, _instance, concentration=self.concentration.expand((*shape, *self._event_shape))
        )

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        logs = log_gamma_rsample(self.concentration.expand(self._extended_shape(sample_shape)))
        return inside(plait.softmax(logs, -1).to(self.concentration.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        a = self.concentration
        return plait.xlogy(a - 1, value).sum(-1) + a.sum(-1).lgamma() - a.lgamma().sum(-1)

    def entropy(self) -> Tensor:
        a = self.concentration
        k, total = a.shape[-1], a.sum(-1)
        normaliser = a.lgamma().sum(-1) - total.lgamma()
        return normaliser - (k - total) * total.digamma() - ((a - 1) * a.digamma()).sum(-1)
