"""Invertible functions, with the logarithm of how they stretch: what TransformedDistribution is made with.

>>> t = AffineTransform(1.0, 2.0)
>>> t(plait.tensor(3.0)), t.inv(plait.tensor(7.0)), t.log_abs_det_jacobian(plait.tensor(3.0), None)
(tensor(7.), tensor(3.), tensor(0.6931))
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .constraints import Constraint
from .independent import sum_rightmost

__all__ = [
    "AbsTransform",
    "AffineTransform",
    "CatTransform",
    "ComposeTransform",
    "CorrCholeskyTransform",
    "CumulativeDistributionTransform",
    "ExpTransform",
    "IndependentTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "PowerTransform",
    "ReshapeTransform",
    "SigmoidTransform",
    "SoftmaxTransform",
    "SoftplusTransform",
    "StackTransform",
    "StickBreakingTransform",
    "TanhTransform",
    "Transform",
    "identity_transform",
]


class Transform:
    """A function of values of `domain` to values of `codomain`. With cache_size=1 the last pair is kept, so
    that the inverse of what has just been computed is exact.
    """

    bijective = True
    domain: Constraint = constraints.real
    codomain: Constraint = constraints.real

    def __init__(self, cache_size: int = 0):
        if cache_size not in (0, 1):
            raise ValueError(f"{type(self).__name__}: expected cache_size 0 or 1, got {cache_size}")
        super().__init__()  # of a class that is a Module, too
        self._cache_size = cache_size
        self._cached_x_y: tuple[Any, Any] = (None, None)

    @property
    def event_dim(self) -> int:
        """The number of dimensions of an event, where arguments and values have the same."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError(
                f"{type(self).__name__}: events have {self.domain.event_dim} dimensions before and "
                f"{self.codomain.event_dim} after; use domain.event_dim or codomain.event_dim"
            )
        return self.domain.event_dim

    @property
    def sign(self) -> Any:
        """Of the derivative: 1 for a rising function, -1 for a falling one. What is neither has none."""
        raise NotImplementedError(f"{type(self).__name__} neither rises nor falls everywhere: it has no sign")

    @property
    def inv(self) -> Transform:
        """The inverse function."""
        return _Inverse(self)

    def with_cache(self, cache_size: int = 1) -> Transform:
        """The same with another cache_size."""
        import copy

        if cache_size == self._cache_size:
            return self
        made = copy.copy(self)
        made._cache_size, made._cached_x_y = cache_size, (None, None)
        return made

    def __call__(self, x: Tensor) -> Tensor:
        if self._cache_size and self._cached_x_y[0] is x:
            return self._cached_x_y[1]
        y = self._call(x)
        if self._cache_size:
            self._cached_x_y = (x, y)
        return y

    def _inv_call(self, y: Tensor) -> Tensor:
        if self._cache_size and self._cached_x_y[1] is y:
            return self._cached_x_y[0]
        x = self._inverse(y)
        if self._cache_size:
            self._cached_x_y = (x, y)
        return x

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no _call")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__} has no _inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """The logarithm of the absolute determinant of dy/dx, one for each event of the domain."""
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian")

    def forward_shape(self, shape: Sequence[int]) -> Sequence[int]:
        """The shape of the values, of that of the arguments."""
        return shape

    inverse_shape = forward_shape

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return (
            isinstance(other, Transform)
            and type(self) is type(other)
            and self._parameters() == other._parameters()
        )

    def __hash__(self) -> int:
        return id(type(self))

    def _parameters(self) -> Any:
        return ()

    def __repr__(self):
        return f"{type(self).__name__}()"


class _Inverse(Transform):
    """A transform the other way round."""

    def __init__(self, transform: Transform):
        super().__init__()
        self._inv = transform
        self.bijective = transform.bijective

    @property
    def domain(self) -> Constraint:  # type: ignore[override]
        return self._inv.codomain

    @property
    def codomain(self) -> Constraint:  # type: ignore[override]
        return self._inv.domain

    @property
    def sign(self) -> Any:
        return self._inv.sign

    @property
    def inv(self) -> Transform:
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self._inv.with_cache(cache_size).inv

    def __call__(self, x: Tensor) -> Tensor:
        return self._inv._inv_call(x)

    def _inv_call(self, y: Tensor) -> Tensor:
        return self._inv(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Sequence[int]) -> Sequence[int]:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: Sequence[int]) -> Sequence[int]:
        return self._inv.forward_shape(shape)

    def _parameters(self) -> Any:
        return self._inv

    def __repr__(self):
        return f"{self._inv!r}.inv"


_InverseTransform = _Inverse


class ExpTransform(Transform):
    """exp(x)."""

    sign = 1
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.exp()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x


class PowerTransform(Transform):
    """x ** exponent, of positive numbers."""

    domain = codomain = constraints.positive

    def __init__(self, exponent: Tensor | float, cache_size: int = 0):
        super().__init__(cache_size)
        self.exponent = exponent if isinstance(exponent, Tensor) else plait.tensor(float(exponent))

    @property
    def sign(self) -> Any:
        return self.exponent.sign()

    def _call(self, x: Tensor) -> Tensor:
        return x**self.exponent

    def _inverse(self, y: Tensor) -> Tensor:
        return y ** (1 / self.exponent)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return (self.exponent * y / x).abs().log()

    def _parameters(self) -> Any:
        return self.exponent.tolist()


class SigmoidTransform(Transform):
    """1 / (1 + exp(-x))."""

    sign = 1
    codomain = constraints.unit_interval

    def _call(self, x: Tensor) -> Tensor:
        info = plait.finfo(x.dtype)
        return plait.sigmoid(x).clamp(info.tiny, 1 - info.eps)

    def _inverse(self, y: Tensor) -> Tensor:
        info = plait.finfo(y.dtype)
        y = y.clamp(info.tiny, 1 - info.eps)
        return y.log() - (-y).log1p()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -plait.softplus(-x) - plait.softplus(x)


class SoftplusTransform(Transform):
    """log(1 + exp(x))."""

    sign = 1
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return plait.softplus(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return (-y).expm1().neg().log() + y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -plait.softplus(-x)


class TanhTransform(Transform):
    """tanh(x). Where the values are near -1 or 1, use cache_size=1: their inverse is lost to rounding."""

    sign = 1
    codomain = constraints.interval(-1.0, 1.0)

    def _call(self, x: Tensor) -> Tensor:
        return x.tanh()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.atanh()

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        # log(1 - tanh(x)^2), in a form that does not cancel
        return 2.0 * (math.log(2.0) - x - plait.softplus(-2.0 * x))


class AbsTransform(Transform):
    """|x|, which has no inverse: the positive one is given."""

    bijective = False
    codomain = constraints.positive

    def _call(self, x: Tensor) -> Tensor:
        return x.abs()

    def _inverse(self, y: Tensor) -> Tensor:
        return y


class AffineTransform(Transform):
    """loc + scale x, of `event_dim` dimensions."""

    def __init__(self, loc: Tensor | float, scale: Tensor | float, event_dim: int = 0, cache_size: int = 0):
        super().__init__(cache_size)
        self.loc, self.scale = loc, scale
        self.domain = self.codomain = constraints.independent(constraints.real, event_dim)

    @property
    def sign(self) -> Any:
        return self.scale.sign() if isinstance(self.scale, Tensor) else (self.scale > 0) - (self.scale < 0)

    def _call(self, x: Tensor) -> Tensor:
        return self.loc + self.scale * x

    def _inverse(self, y: Tensor) -> Tensor:
        return (y - self.loc) / self.scale

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if isinstance(self.scale, Tensor):
            stretch = self.scale.abs().log().expand(plait.broadcast_shapes(x.shape, self.scale.shape))
        else:
            stretch = plait.full_like(x, math.log(abs(self.scale)))
        return sum_rightmost(stretch, self.event_dim)

    def forward_shape(self, shape: Sequence[int]) -> Sequence[int]:
        return plait.broadcast_shapes(shape, getattr(self.loc, "shape", ()), getattr(self.scale, "shape", ()))

    inverse_shape = forward_shape

    def _parameters(self) -> Any:
        return tuple(v.tolist() if isinstance(v, Tensor) else v for v in (self.loc, self.scale))


class SoftmaxTransform(Transform):
    """exp(x) scaled to sum 1 over the last dimension, which has no inverse: the logarithm is given."""

    bijective = False
    domain = constraints.real_vector
    codomain = constraints.simplex

    def _call(self, x: Tensor) -> Tensor:
        return plait.softmax(x, -1)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.log()


class IndependentTransform(Transform):
    """A transform whose `reinterpreted_batch_ndims` more dimensions are one event."""

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0):
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self.bijective = base_transform.bijective
        self.domain = constraints.independent(base_transform.domain, reinterpreted_batch_ndims)
        self.codomain = constraints.independent(base_transform.codomain, reinterpreted_batch_ndims)

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def _call(self, x: Tensor) -> Tensor:
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.base_transform._inv_call(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return sum_rightmost(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)


class ComposeTransform(Transform):
    """Transforms one after the other, the first of the list first."""

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0):
        super().__init__(cache_size)
        self.parts = [part.with_cache(cache_size) for part in parts]
        self.bijective = all(part.bijective for part in parts)
        self.domain = self.codomain = constraints.real
        if self.parts:
            first, last = self.parts[0].domain, self.parts[-1].codomain
            need = last.event_dim
            for part in reversed(self.parts):  # parts may change the number of an event's dimensions
                need = max(need - part.codomain.event_dim, 0) + part.domain.event_dim
            given = first.event_dim
            for part in self.parts:
                given = max(given - part.domain.event_dim, 0) + part.codomain.event_dim
            self.domain = constraints.independent(first, need - first.event_dim)
            self.codomain = constraints.independent(last, given - last.event_dim)

    @property
    def sign(self) -> Any:
        product: Any = 1
        for part in self.parts:
            product = product * part.sign
        return product

    def _call(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def _inverse(self, y: Tensor) -> Tensor:
        for part in reversed(self.parts):
            y = part._inv_call(y)
        return y

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        total: Any = plait.zeros_like(x) if not self.parts else 0
        event_dim = self.domain.event_dim
        for part in self.parts:
            following = part(x)
            stretch = part.log_abs_det_jacobian(x, following)
            total = total + sum_rightmost(stretch, event_dim - part.domain.event_dim)
            event_dim += part.codomain.event_dim - part.domain.event_dim
            x = following
        return total

    def forward_shape(self, shape: Sequence[int]) -> Sequence[int]:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Sequence[int]) -> Sequence[int]:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def _parameters(self) -> Any:
        return self.parts


identity_transform = ComposeTransform([])

from .shaped_transforms import (  # noqa: E402  (they derive from Transform)
    CatTransform,
    CorrCholeskyTransform,
    CumulativeDistributionTransform,
    LowerCholeskyTransform,
    PositiveDefiniteTransform,
    ReshapeTransform,
    StackTransform,
    StickBreakingTransform,
)
