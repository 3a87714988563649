"""Batch dimensions taken as dimensions of one event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from plait import Tensor

from . import constraints
from .distribution import Distribution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .constraints import Constraint

__all__ = ["Independent", "sum_rightmost"]


def sum_rightmost(value: Tensor, count: int) -> Tensor:
    """The sum over the last `count` dimensions."""
    return value.flatten(value.dim() - count).sum(-1) if count else value


class Independent(Distribution):
    """The base's distributions, where the last `reinterpreted_batch_ndims` batch dimensions are one event:
    log_prob sums over them.

    >>> p = plait.distributions.Normal(plait.zeros(2, 3), 1.0)
    >>> q = plait.distributions.Independent(p, 1)
    >>> q.batch_shape, q.event_shape
    (plait.Size([2]), plait.Size([3]))
    """

    base_dist: Any

    def __init__(
        self, base_distribution: Any, reinterpreted_batch_ndims: int, validate_args: bool | None = None
    ):
        batch, count = tuple(base_distribution.batch_shape), reinterpreted_batch_ndims
        if count > len(batch):
            raise ValueError(
                f"Independent: expected reinterpreted_batch_ndims <= len(base_distribution.batch_shape), got "
                f"{count} > {len(batch)}"
            )
        self.base_dist, self.reinterpreted_batch_ndims = base_distribution, count
        split = len(batch) - count
        event = batch[split:] + tuple(base_distribution.event_shape)
        super().__init__(batch[:split], event, validate_args=validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """As the base's."""
        return self.base_dist.has_rsample

    @constraints.dependent_property
    def support(self) -> Constraint:
        return constraints.independent(self.base_dist.support, self.reinterpreted_batch_ndims)

    @property
    def mean(self) -> Tensor:
        return self.base_dist.mean

    @property
    def mode(self) -> Tensor:
        return self.base_dist.mode

    @property
    def variance(self) -> Tensor:
        return self.base_dist.variance

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Independent:
        shape = tuple(batch_shape)
        inner = tuple(self._event_shape[: self.reinterpreted_batch_ndims])
        count = self.reinterpreted_batch_ndims
        # The base first: subclasses take _validate_args from it.
        given = {"base_dist": self.base_dist.expand(shape + inner), "reinterpreted_batch_ndims": count}
        return self._expanded(shape, _instance, **given)

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.sample(sample_shape)

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        return self.base_dist.rsample(sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        return sum_rightmost(self.base_dist.log_prob(value), self.reinterpreted_batch_ndims)

    def entropy(self) -> Tensor:
        return sum_rightmost(self.base_dist.entropy(), self.reinterpreted_batch_ndims)

    def __repr__(self):
        return f"Independent({self.base_dist}, {self.reinterpreted_batch_ndims})"
