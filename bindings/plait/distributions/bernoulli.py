"""The Bernoulli distribution."""

from __future__ import annotations

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .utils import batch_of, broadcast_all, either, lazy_property, logits_to_probs, probs_to_logits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["Bernoulli"]


class Bernoulli(Distribution):
    """1 with probability `probs` (or of log odds `logits`), else 0.

    >>> plait.distributions.Bernoulli(plait.tensor(0.25)).log_prob(plait.tensor(1.0)).exp()
    tensor(0.2500)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.boolean
    has_enumerate_support = True

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ):
        either(type(self).__name__, probs, logits)
        given = probs if probs is not None else logits
        (tensor,) = broadcast_all(given)
        if probs is not None:
            self.probs = tensor
        else:
            self.logits = tensor
        super().__init__(batch_of((given,), tensor), validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of 1."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def _param(self) -> Tensor:
        if "probs" in self.__dict__:
            return self.probs
        return self.logits

    @property
    def mean(self) -> Tensor:
        return self.probs

    @property
    def mode(self) -> Tensor:
        """NaN where both values are equally probable."""
        even = plait.full_like(self.probs, float("nan"))
        return plait.where(self.probs == 0.5, even, (self.probs > 0.5).to(self.probs.dtype))

    @property
    def variance(self) -> Tensor:
        return self.probs * (1 - self.probs)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Bernoulli:
        shape = tuple(batch_shape)
        given = {k: v.expand(shape) for k, v in self.__dict__.items() if k in ("probs", "logits")}
        return self._expanded(shape, _instance, **given)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            return plait.bernoulli(self.probs.expand(self._extended_shape(sample_shape)))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = broadcast_all(self.logits, value.to(self.logits.dtype))
        return -plait.binary_cross_entropy_with_logits(logits, value, reduction="none")

    def entropy(self) -> Tensor:
        return plait.binary_cross_entropy_with_logits(self.logits, self.probs, reduction="none")

    def enumerate_support(self, expand: bool = True) -> Tensor:
        param = self._param
        values = plait.arange(2, dtype=param.dtype, device=param.device)
        values = values.reshape(-1, *(1,) * len(self._batch_shape))
        return values.expand((2, *self._batch_shape)) if expand else values
