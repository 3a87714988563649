"""The categorical distribution over 0 ... K - 1."""

from __future__ import annotations

import plait
from plait import Size, Tensor

from . import constraints
from .distribution import Distribution
from .utils import either, lazy_property, logits_to_probs, probs_to_logits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .constraints import Constraint

__all__ = ["Categorical"]


class Categorical(Distribution):
    """Classes 0 ... K - 1 with `probs` (..., K), which are scaled to sum 1, or with `logits` (..., K).

    >>> p = plait.distributions.Categorical(probs=plait.tensor([1.0, 1.0, 2.0]))
    >>> p.probs, p.log_prob(plait.tensor(2))
    (tensor([0.2500, 0.2500, 0.5000]), tensor(-0.6931))
    """

    arg_constraints = {"probs": constraints.simplex, "logits": constraints.real_vector}
    has_enumerate_support = True

    def __init__(
        self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool | None = None
    ):
        either("Categorical", probs, logits)
        given = probs if probs is not None else logits
        name = "probs" if probs is not None else "logits"
        if not isinstance(given, Tensor) or given.dim() < 1:
            raise ValueError(f"Categorical: expected {name} of at least one dimension, got {given!r}")
        if probs is not None:
            self.probs = probs / probs.sum(-1, keepdim=True)
        else:
            self.logits = given - plait.logsumexp(given, -1, keepdim=True)
        self._num_events = given.shape[-1]
        super().__init__(given.shape[:-1], validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return probs_to_logits(self.probs)

    @lazy_property
    def probs(self) -> Tensor:
        """The probabilities."""
        return logits_to_probs(self.logits)

    @property
    def _param(self) -> Tensor:
        if "probs" in self.__dict__:
            return self.probs
        return self.logits

    @property
    def param_shape(self) -> Size:
        """The shape of probs and logits."""
        return self._param.shape

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Constraint:
        return constraints.integer_interval(0, self._num_events - 1)

    @property
    def mean(self) -> Tensor:
        """NaN: classes have no mean."""
        return self._param.new_full(tuple(self._batch_shape), float("nan"))

    variance = mean

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Categorical:
        shape = (*batch_shape, self._num_events)
        given = {k: v.expand(shape) for k, v in self.__dict__.items() if k in ("probs", "logits")}
        new = self._expanded(tuple(batch_shape), _instance, **given)
        new._num_events = self._num_events
        return new

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = Size(sample_shape)
        with plait.no_grad():
            rows = self.probs.reshape(-1, self._num_events)
            count = shape.numel()
            if count == 0 or rows.shape[0] == 0:
                return plait.zeros(self._extended_shape(shape), dtype=plait.int64, device=rows.device)
            return plait.multinomial(rows, count, True).t().reshape(self._extended_shape(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        index = value.to(plait.int64).unsqueeze(-1)
        shape = plait.broadcast_shapes(tuple(index.shape[:-1]), tuple(self._batch_shape))
        logits = self.logits.expand((*shape, self._num_events))
        return logits.gather(-1, index.expand((*shape, 1))).squeeze(-1)

    def entropy(self) -> Tensor:
        logits = self.logits.clamp_min(plait.finfo(self.logits.dtype).min)
        return -(logits * self.probs).sum(-1)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        ones = (1,) * len(self._batch_shape)
        values = plait.arange(self._num_events, device=self._param.device).reshape(-1, *ones)
        return values.expand((self._num_events, *self._batch_shape)) if expand else values


class OverCategories(Distribution):
    """What distributions with the parameters of a Categorical share."""

    arg_constraints = Categorical.arg_constraints
    _categorical: Categorical

    @property
    def probs(self) -> Tensor:
        """The probabilities."""
        return self._categorical.probs

    @property
    def logits(self) -> Tensor:
        """The logarithms of the probabilities."""
        return self._categorical.logits

    @property
    def param_shape(self) -> Size:
        """The shape of probs and logits."""
        return self._categorical.param_shape
