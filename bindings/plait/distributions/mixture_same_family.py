"""Mixtures of distributions of one kind."""

from __future__ import annotations

import plait
from plait import Tensor

from . import constraints
from .categorical import Categorical
from .constraints import Constraint
from .distribution import Distribution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["MixtureSameFamily"]


class MixtureSameFamily(Distribution):
    """A Categorical over the last batch dimension of the component distribution: with probability p_k, a
    value of component k.

    >>> mixture = plait.distributions.Categorical(plait.tensor([0.5, 0.5]))
    >>> parts = plait.distributions.Normal(plait.tensor([-1.0, 1.0]), 1.0)
    >>> MixtureSameFamily(mixture, parts).mean
    tensor(0.)
    """

    def __init__(
        self,
        mixture_distribution: Categorical,
        component_distribution: Any,
        validate_args: bool | None = None,
    ):
        self._mixture_distribution = mixture_distribution
        self._component_distribution = component_distribution
        if not isinstance(mixture_distribution, Categorical):
            raise ValueError(
                f"MixtureSameFamily: expected a Categorical, got {type(mixture_distribution).__name__}"
            )
        if not isinstance(component_distribution, Distribution):
            raise ValueError(
                f"MixtureSameFamily: expected a Distribution, got {type(component_distribution).__name__}"
            )
        batch = tuple(component_distribution.batch_shape)
        count = mixture_distribution.probs.shape[-1]
        if not batch or batch[-1] != count:
            raise ValueError(
                f"MixtureSameFamily: expected {count} components in the last batch dimension, got "
                f"batch_shape {batch}"
            )
        plait.broadcast_shapes(tuple(mixture_distribution.batch_shape), batch[:-1])
        self._event = len(component_distribution.event_shape)
        super().__init__(batch[:-1], component_distribution.event_shape, validate_args=validate_args)

    @property
    def mixture_distribution(self) -> Categorical:
        """Which component."""
        return self._mixture_distribution

    @property
    def component_distribution(self) -> Any:
        """The components."""
        return self._component_distribution

    @constraints.dependent_property
    def support(self) -> Constraint:
        return self._component_distribution.support

    def _weights(self) -> Tensor:
        probs = self._mixture_distribution.probs
        return probs.reshape(tuple(probs.shape) + (1,) * self._event)

    @property
    def mean(self) -> Tensor:
        return (self._weights() * self._component_distribution.mean).sum(-1 - self._event)

    @property
    def variance(self) -> Tensor:
        """The mean of the variances and the variance of the means."""
        weights, dim = self._weights(), -1 - self._event
        means = self._component_distribution.mean
        spread = (means - self.mean.unsqueeze(dim)).square()
        return (weights * (self._component_distribution.variance + spread)).sum(dim)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> MixtureSameFamily:
        shape = tuple(batch_shape)
        new = self._expanded(shape, _instance)
        count = self._mixture_distribution.probs.shape[-1]
        new._component_distribution = self._component_distribution.expand((*shape, count))
        new._mixture_distribution = self._mixture_distribution.expand(shape)
        new._event = self._event
        return new

    def cdf(self, value: Tensor) -> Tensor:
        parts = self._component_distribution.cdf(value.unsqueeze(-1 - self._event))
        return (parts * self._mixture_distribution.probs).sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        parts = self._component_distribution.log_prob(value.unsqueeze(-1 - self._event))
        return plait.logsumexp(parts + plait.log_softmax(self._mixture_distribution.logits, -1), -1)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            dim = len(sample_shape) + len(self._batch_shape)
            which = self._mixture_distribution.expand(tuple(self._batch_shape)).sample(sample_shape)
            values = self._component_distribution.sample(sample_shape)
            which = which.reshape(tuple(which.shape) + (1,) * (self._event + 1))
            which = which.expand((*which.shape[: dim + 1], *self._event_shape))
            return values.gather(dim, which).squeeze(dim)
