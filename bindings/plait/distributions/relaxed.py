"""Continuous relaxations of the Bernoulli and categorical distributions, whose samples have gradients
(Maddison et al. 2017, The Concrete Distribution; Jang et al. 2017, Gumbel-Softmax).
"""

from __future__ import annotations

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .one_hot_categorical import OneHotCategorical
from .utils import broadcast_all, clamp_probs, either, logits_to_probs, probs_to_logits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["OneHotCategoricalStraightThrough", "RelaxedBernoulli", "RelaxedOneHotCategorical"]


def _temperature(who: str, temperature: Any, like: Tensor) -> Tensor:
    if not isinstance(temperature, Tensor):
        temperature = plait.tensor(float(temperature), dtype=like.dtype, device=like.device)
    return temperature


class RelaxedBernoulli(Distribution):
    """Values in (0, 1) that are near 0 or 1 for low temperatures: the sigmoid of (logits + logistic noise) /
    temperature.

    >>> RelaxedBernoulli(0.5, logits=plait.zeros(3)).rsample().shape
    plait.Size([3])
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.unit_interval
    has_rsample = True

    def __init__(
        self,
        temperature: Tensor | float,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ):
        either("RelaxedBernoulli", probs, logits)
        if probs is not None:
            (self.probs,) = broadcast_all(probs)
            self.logits = probs_to_logits(self.probs, is_binary=True)
        else:
            (self.logits,) = broadcast_all(logits)
            self.probs = logits_to_probs(self.logits, is_binary=True)
        self.temperature = _temperature("RelaxedBernoulli", temperature, self.logits)
        super().__init__(self.logits.shape, validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> RelaxedBernoulli:
        shape = tuple(batch_shape)
        new = self._expanded(
            shape, _instance, probs=self.probs.expand(shape), logits=self.logits.expand(shape)
        )
        new.temperature = self.temperature
        return new

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = clamp_probs(plait.rand(shape, dtype=self.logits.dtype, device=self.logits.device))
        drawn = plait.sigmoid((noise.log() - (-noise).log1p() + self.logits) / self.temperature)
        return clamp_probs(drawn)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        # x = sigmoid(y) with y of the density of the logits; dx/dy = x (1 - x)
        y = value.log() - (-value).log1p()
        apart = self.logits - y * self.temperature
        density = self.temperature.log() + apart - 2 * plait.softplus(apart)
        return density - value.log() - (-value).log1p()


class RelaxedOneHotCategorical(Distribution):
    """Points of the simplex that are near its corners for low temperatures: the softmax of (logits + Gumbel
    noise) / temperature.

    >>> p = RelaxedOneHotCategorical(0.5, logits=plait.zeros(2, 3))
    >>> p.batch_shape, p.event_shape
    (plait.Size([2]), plait.Size([3]))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    support = constraints.simplex
    has_rsample = True

    def __init__(
        self,
        temperature: Tensor | float,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        base = OneHotCategorical(probs, logits, validate_args=validate_args)
        self.probs, self.logits = base.probs, base.logits
        self.temperature = _temperature("RelaxedOneHotCategorical", temperature, self.logits)
        super().__init__(base.batch_shape, base.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> RelaxedOneHotCategorical:
        shape = (*batch_shape, self.logits.shape[-1])
        new = self._expanded(
            tuple(batch_shape), _instance, probs=self.probs.expand(shape), logits=self.logits.expand(shape)
        )
        new.temperature = self.temperature
        return new

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = plait.empty(shape, dtype=self.logits.dtype, device=self.logits.device).exponential_()
        return plait.softmax((self.logits - noise.log()) / self.temperature, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        # Maddison et al., equation 10
        count = self.logits.shape[-1]
        logits, value = plait.broadcast_tensors(self.logits, value)
        score = logits - value.log() * self.temperature
        score = (score - plait.logsumexp(score, -1, keepdim=True)).sum(-1)
        scale = plait.lgamma(plait.full_like(self.temperature, float(count)))
        return score + scale + (count - 1) * self.temperature.log() - value.log().sum(-1)


class OneHotCategoricalStraightThrough(OneHotCategorical):
    """OneHotCategorical whose samples pass gradients to the probabilities as if they were these (Bengio et
    al. 2013).

    >>> p = OneHotCategoricalStraightThrough(logits=plait.zeros(3, requires_grad=True))
    >>> p.rsample().requires_grad
    True
    """

    has_rsample = True

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        drawn = self.sample(sample_shape)
        return drawn + (self.probs - self.probs.detach())
