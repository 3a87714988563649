"""The multinomial distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .binomial import Binomial
from .categorical import Categorical, OverCategories
from .constraints import Constraint

__all__ = ["Multinomial"]


class Multinomial(OverCategories):
    """How often each of K classes comes up in `total_count` draws, with probabilities (or weights) `probs` or
    unnormalised log-probabilities `logits`, (..., K). Values are (..., K).

    >>> p = plait.distributions.Multinomial(3, plait.tensor([0.5, 0.5]))
    >>> p.sample().sum(), p.log_prob(plait.tensor([1.0, 2.0])).exp()
    (tensor(3.), tensor(0.3750))
    """

    total_count: int

    def __init__(
        self,
        total_count: int = 1,
        probs: Tensor | None = None,
        logits: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        if not isinstance(total_count, int):
            raise NotImplementedError(
                f"Multinomial: expected total_count to be one whole number, got {type(total_count).__name__}"
            )
        if total_count < 0:
            raise ValueError(f"Multinomial: expected a total_count of 0 or more, got {total_count}")
        self.total_count = total_count
        self._categorical = Categorical(probs, logits, validate_args)
        shape = self._categorical.param_shape
        super().__init__(shape[:-1], shape[-1:], validate_args=validate_args)

    @constraints.dependent_property(is_discrete=True, event_dim=1)
    def support(self) -> Constraint:
        return constraints.multinomial(self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.probs * self.total_count

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Multinomial:
        new = self._expanded(tuple(batch_shape), _instance)
        new.total_count = self.total_count
        new._categorical = self._categorical.expand(batch_shape)
        return new

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            draws = self._categorical.sample((self.total_count, *sample_shape))
            shape = (*draws.shape[1:], self._event_shape[0])
            counts = plait.zeros(shape, dtype=self.logits.dtype, device=draws.device)
            classes = draws.movedim(0, -1)
            return counts.scatter_add(-1, classes, plait.ones_like(classes, dtype=counts.dtype))

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        logits, value = plait.broadcast_tensors(self.logits, value)
        # 0 log 0 is 0
        logits = logits.masked_fill((value == 0) & (logits == -plait.inf), 0.0)
        ways = (value.sum(-1) + 1).lgamma() - (value + 1).lgamma().sum(-1)
        return ways + (logits * value).sum(-1)

    def entropy(self) -> Tensor:
        n = plait.tensor(float(self.total_count), dtype=self.logits.dtype, device=self.logits.device)
        counts = Binomial(n, self.probs, validate_args=False)
        values = counts.enumerate_support(expand=False)[1:]
        weights = counts.log_prob(values).exp()
        spread = ((values + 1).lgamma() * weights).sum((0, -1))
        return n * self._categorical.entropy() - (n + 1).lgamma() + spread

    def __repr__(self):
        inner = repr(self._categorical).partition("(")[2]
        return f"Multinomial(total_count: {self.total_count}, {inner}"
