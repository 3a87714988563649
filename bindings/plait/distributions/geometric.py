"""The geometric distribution."""

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

__all__ = ["Geometric"]


class Geometric(Distribution):
    """The number of failures before the first success of probability `probs` in (0, 1]: 0, 1, 2, ...

    >>> plait.distributions.Geometric(plait.tensor(0.25)).mean
    tensor(3.)
    """

    arg_constraints = {"probs": constraints.unit_interval, "logits": constraints.real}
    support = constraints.nonnegative_integer

    def __init__(
        self,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ):
        either("Geometric", probs, logits)
        given = probs if probs is not None else logits
        (tensor,) = broadcast_all(given)
        if probs is not None:
            self.probs = tensor
        else:
            self.logits = tensor
        super().__init__(batch_of((given,), tensor), validate_args=validate_args)
        if self._validate_args and probs is not None and not (tensor > 0).all():
            raise ValueError(f"Geometric: expected parameter probs to be in (0, 1], got {tensor}")

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    @property
    def mean(self) -> Tensor:
        return 1 / self.probs - 1

    @property
    def mode(self) -> Tensor:
        return plait.zeros_like(self.probs)

    @property
    def variance(self) -> Tensor:
        return (1 / self.probs - 1) / self.probs

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Geometric:
        shape = tuple(batch_shape)
        given = {k: v.expand(shape) for k, v in self.__dict__.items() if k in ("probs", "logits")}
        return self._expanded(shape, _instance, **given)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            probs = self.probs.expand(self._extended_shape(sample_shape))
            tiny = plait.finfo(probs.dtype).tiny
            u = plait.rand(tuple(probs.shape), dtype=probs.dtype, device=probs.device).clamp_min(tiny)
            return (u.log() / (-probs).log1p()).floor()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        value, probs = broadcast_all(value.to(self.probs.dtype), self.probs)
        failures = plait.where((probs == 1) & (value == 0), 0.0, value * (-probs).log1p())
        return failures + probs.log()

    def entropy(self) -> Tensor:
        p = self.probs
        return -(plait.xlogy(1 - p, 1 - p) + p * p.log()) / p
