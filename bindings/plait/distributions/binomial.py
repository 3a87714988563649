"""The binomial distribution."""

from __future__ import annotations

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .utils import batch_of, broadcast_all, either, lazy_property, logits_to_probs, probs_to_logits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Self

    from .constraints import Constraint

__all__ = ["Binomial"]

_DRAWS_AT_ONCE = 1 << 20


class Trials(Distribution):
    """What the distributions of independent trials of one probability share."""

    def __init__(
        self,
        total_count: Tensor | float = 1,
        probs: Tensor | float | None = None,
        logits: Tensor | float | None = None,
        validate_args: bool | None = None,
    ):
        either(type(self).__name__, probs, logits)
        given = probs if probs is not None else logits
        tensor, count = broadcast_all(given, total_count)
        self.total_count = count.to(tensor.dtype)
        if probs is not None:
            self.probs = tensor
        else:
            self.logits = tensor
        super().__init__(batch_of((given, total_count), tensor), validate_args=validate_args)

    @lazy_property
    def logits(self) -> Tensor:
        """log(p / (1 - p))."""
        return probs_to_logits(self.probs, is_binary=True)

    @lazy_property
    def probs(self) -> Tensor:
        """The probability of success."""
        return logits_to_probs(self.logits, is_binary=True)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Self:
        shape = tuple(batch_shape)
        names = ("total_count", "probs", "logits")
        given = {k: v.expand(shape) for k, v in self.__dict__.items() if k in names}
        return self._expanded(shape, _instance, **given)


class Binomial(Trials):
    """The number of successes among `total_count` trials of probability `probs` (or log odds `logits`).

    >>> plait.distributions.Binomial(4, plait.tensor(0.5)).log_prob(plait.tensor(2.0)).exp()
    tensor(0.3750)
    """

    arg_constraints = {
        "total_count": constraints.nonnegative_integer,
        "probs": constraints.unit_interval,
        "logits": constraints.real,
    }
    has_enumerate_support = True

    @constraints.dependent_property(is_discrete=True, event_dim=0)
    def support(self) -> Constraint:
        return constraints.integer_interval(0, self.total_count)

    @property
    def mean(self) -> Tensor:
        return self.total_count * self.probs

    @property
    def mode(self) -> Tensor:
        return ((self.total_count + 1) * self.probs).floor().clamp_max(self.total_count)

    @property
    def variance(self) -> Tensor:
        return self.total_count * self.probs * (1 - self.probs)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            shape = self._extended_shape(sample_shape)
            probs, count = self.probs.expand(shape), self.total_count.expand(shape)
            result = plait.zeros_like(probs)
            kind = {"dtype": probs.dtype, "device": probs.device}
            trials = int(count.max().item()) if count.numel() else 0
            step = max(1, _DRAWS_AT_ONCE // max(1, count.numel()))
            for start in range(0, trials, step):
                numbers = plait.arange(start, min(start + step, trials), **kind)
                numbers = numbers.reshape(-1, *(1,) * len(shape))
                u = plait.rand((numbers.shape[0], *shape), **kind)
                result += ((u < probs) & (numbers < count)).to(probs.dtype).sum(0)
            return result

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n, logits = self.total_count, self.logits
        ways = (n + 1).lgamma() - (value + 1).lgamma() - (n - value + 1).lgamma()
        # k log p + (n - k) log(1 - p) = k logit + n log(1 - p)
        return ways + value * logits + n * plait.logsigmoid(-logits)

    def enumerate_support(self, expand: bool = True) -> Tensor:
        first = self.total_count.max()
        if not (self.total_count == first).all():
            raise NotImplementedError(
                "Binomial.enumerate_support: total_count differs within the batch; enumerate one at a time"
            )
        values = plait.arange(int(first.item()) + 1, dtype=first.dtype, device=first.device)
        values = values.reshape(-1, *(1,) * len(self._batch_shape))
        return values.expand((-1, *self._batch_shape)) if expand else values

    def entropy(self) -> Tensor:
        log_probs = self.log_prob(self.enumerate_support(False))
        return -(log_probs.exp() * log_probs).sum(0)
