"""The distribution of a function of a random variable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .constraints import Constraint
from .distribution import Distribution
from .independent import Independent, sum_rightmost
from .transforms import ComposeTransform, Transform

__all__ = ["TransformedDistribution"]


class TransformedDistribution(Distribution):
    """The distribution of t_n(... t_1(x)) where x has the base distribution; its density is that of x over
    the stretch of the transforms.

    >>> base = plait.distributions.Normal(0.0, 1.0)
    >>> p = TransformedDistribution(base, [plait.distributions.transforms.ExpTransform()])
    >>> q = plait.distributions.LogNormal(0.0, 1.0)
    >>> bool(p.log_prob(plait.tensor(2.0)) == q.log_prob(plait.tensor(2.0)))
    True
    """

    base_dist: Any

    def __init__(
        self,
        base_distribution: Any,
        transforms: Transform | Sequence[Transform],
        validate_args: bool | None = None,
    ):
        self.transforms = [transforms] if isinstance(transforms, Transform) else list(transforms)
        for transform in self.transforms:
            if not isinstance(transform, Transform):
                raise ValueError(
                    f"TransformedDistribution: expected a Transform or a list of them, got {transform!r}"
                )
        whole = ComposeTransform(self.transforms)
        base_shape = tuple(base_distribution.batch_shape) + tuple(base_distribution.event_shape)
        if len(base_shape) < whole.domain.event_dim:
            raise ValueError(
                f"TransformedDistribution: the transforms need {whole.domain.event_dim} dimensions, the base "
                f"distribution has shape {base_shape}"
            )
        shape = tuple(whole.forward_shape(base_shape))
        start = tuple(whole.inverse_shape(shape))
        if start != base_shape:
            base_batch = start[: len(start) - len(base_distribution.event_shape)]
            base_distribution = base_distribution.expand(base_batch)
        more = whole.domain.event_dim - len(base_distribution.event_shape)
        self.base_dist = Independent(base_distribution, more) if more > 0 else base_distribution
        event_dim = whole.codomain.event_dim + max(
            len(self.base_dist.event_shape) - whole.domain.event_dim, 0
        )
        cut = len(shape) - event_dim
        super().__init__(shape[:cut], shape[cut:], validate_args=validate_args)

    @property
    def has_rsample(self) -> bool:  # type: ignore[override]
        """As the base's."""
        return self.base_dist.has_rsample

    @constraints.dependent_property
    def support(self) -> Constraint:
        if not self.transforms:
            return self.base_dist.support
        last = self.transforms[-1].codomain
        return constraints.independent(last, len(self._event_shape) - last.event_dim)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> TransformedDistribution:
        shape = tuple(batch_shape)
        new = self._expanded(shape, _instance)
        new.transforms = self.transforms
        inner = ComposeTransform(self.transforms).inverse_shape(shape + tuple(self._event_shape))
        new.base_dist = self.base_dist.expand(tuple(inner)[: len(inner) - len(self.base_dist.event_shape)])
        return new

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            x = self.base_dist.sample(sample_shape)
            for transform in self.transforms:
                x = transform(x)
            return x

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        x = self.base_dist.rsample(sample_shape)
        for transform in self.transforms:
            x = transform(x)
        return x

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        event_dim = len(self._event_shape)
        stretch: Any = 0
        y = value
        for transform in reversed(self.transforms):
            x = transform._inv_call(y)
            event_dim += transform.domain.event_dim - transform.codomain.event_dim
            found = transform.log_abs_det_jacobian(x, y)
            stretch = stretch + sum_rightmost(found, event_dim - transform.domain.event_dim)
            y = x
        base = sum_rightmost(self.base_dist.log_prob(y), event_dim - len(self.base_dist.event_shape))
        return base - stretch

    def _turned(self, probability: Tensor) -> Tensor:
        sign: Any = 1
        for transform in self.transforms:
            sign = sign * transform.sign
        if isinstance(sign, int) and sign == 1:
            return probability
        return sign * (probability - 0.5) + 0.5

    def cdf(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        for transform in reversed(self.transforms):
            value = transform._inv_call(value)
        return self._turned(self.base_dist.cdf(value))

    def icdf(self, value: Tensor) -> Tensor:
        value = self.base_dist.icdf(self._turned(value))
        for transform in self.transforms:
            value = transform(value)
        return value

    def __repr__(self):
        if type(self).arg_constraints:  # has parameters of its own
            return super().__repr__()
        return f"TransformedDistribution({self.base_dist}, {self.transforms})"
