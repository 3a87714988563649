"""Transforms of vectors and matrices, of parts of tensors, and those that change a shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .constraints import Constraint
from .independent import sum_rightmost
from .transforms import Transform
from .utils import tril_matrix_to_vec, vec_to_tril_matrix

__all__ = [
    "CatTransform",
    "CorrCholeskyTransform",
    "CumulativeDistributionTransform",
    "LowerCholeskyTransform",
    "PositiveDefiniteTransform",
    "ReshapeTransform",
    "StackTransform",
    "StickBreakingTransform",
]


class StickBreakingTransform(Transform):
    """Real vectors of K - 1 numbers to K probabilities: each breaks its part off what is left of a stick, and
    zeros give equal parts.

    >>> StickBreakingTransform()(plait.zeros(2))
    tensor([0.3333, 0.3333, 0.3333])
    """

    domain = constraints.real_vector
    codomain = constraints.simplex

    def _offset(self, like: Tensor, n: int) -> Tensor:
        """log(K - k) for the k-th number, k from 1."""
        return plait.arange(n, 0, -1, dtype=like.dtype, device=like.device).log()

    def _call(self, x: Tensor) -> Tensor:
        part = plait.sigmoid(x - self._offset(x, x.shape[-1]))
        left = (1 - part).cumprod(-1)
        return plait.pad(part, (0, 1), value=1.0) * plait.pad(left, (1, 0), value=1.0)

    def _inverse(self, y: Tensor) -> Tensor:
        cut = y[..., :-1]
        # What is left, kept off zero, where rounding could make it negative.
        left = (1 - cut.cumsum(-1)).clamp_min(plait.finfo(y.dtype).tiny)
        return cut.log() - left.log() + self._offset(y, cut.shape[-1])

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        # Part k of y is sigmoid(logit) times what was left, and the slope is that times 1 - sigmoid(logit).
        logit = x - self._offset(x, x.shape[-1])
        return (y[..., :-1].log() - plait.softplus(logit)).sum(-1)

    def forward_shape(self, shape: Sequence[int]) -> Sequence[int]:
        return (*_needs(self, shape, 1)[:-1], shape[-1] + 1)

    def inverse_shape(self, shape: Sequence[int]) -> Sequence[int]:
        return (*_needs(self, shape, 1)[:-1], shape[-1] - 1)


def _needs(transform: Transform, shape: Sequence[int], count: int) -> Sequence[int]:
    if len(shape) < count:
        raise ValueError(
            f"{type(transform).__name__}: expected a shape of {count} dimensions or more, got {tuple(shape)}"
        )
    return shape


class LowerCholeskyTransform(Transform):
    """Square matrices to lower triangular ones with positive diagonal: the exponential of the diagonal, and
    what is below it.
    """

    bijective = False  # what is above the diagonal is lost
    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.lower_cholesky

    def _call(self, x: Tensor) -> Tensor:
        return x.tril(-1) + x.diagonal(dim1=-2, dim2=-1).exp().diag_embed()

    def _inverse(self, y: Tensor) -> Tensor:
        return y.tril(-1) + y.diagonal(dim1=-2, dim2=-1).log().diag_embed()


class PositiveDefiniteTransform(Transform):
    """Square matrices to positive definite ones: the product of LowerCholeskyTransform's result with its
    transpose.
    """

    bijective = False
    domain = constraints.independent(constraints.real, 2)
    codomain = constraints.positive_definite

    def _call(self, x: Tensor) -> Tensor:
        factor = LowerCholeskyTransform()(x)
        return factor @ factor.mT

    def _inverse(self, y: Tensor) -> Tensor:
        return LowerCholeskyTransform()._inverse(plait.linalg.cholesky(y))


class CorrCholeskyTransform(Transform):
    """Real vectors of D (D - 1) / 2 numbers to Cholesky factors of D x D correlation matrices: tanh of each
    number is the partial correlation of two variables, in the order of the rows below the diagonal (Stan's
    manual, "Cholesky factors of correlation matrices").
    """

    domain = constraints.real_vector
    codomain = constraints.corr_cholesky

    def _call(self, x: Tensor) -> Tensor:
        eps = plait.finfo(x.dtype).eps
        r = vec_to_tril_matrix(x.tanh().clamp(-1 + eps, 1 - eps), -1)
        unit = plait.eye(r.shape[-1], dtype=r.dtype, device=r.device)
        left = (1 - r * r).sqrt().cumprod(-1)
        return (r + unit) * plait.pad(left[..., :-1], (1, 0), value=1.0)

    def _inverse(self, y: Tensor) -> Tensor:
        left = (1 - (y * y).cumsum(-1)).clamp_min(plait.finfo(y.dtype).tiny)
        shifted = plait.pad(left[..., :-1], (1, 0), value=1.0)
        t = tril_matrix_to_vec(y, -1) / tril_matrix_to_vec(shifted, -1).sqrt()
        # atanh, in a form that keeps small numbers
        return (t.log1p() - (-t).log1p()) / 2

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        # What is left of each row before its entry of column k < row, and the slope of tanh.
        left = (1 - (y * y).cumsum(-1)).clamp_min(plait.finfo(y.dtype).tiny)
        logs = tril_matrix_to_vec(left.log(), -2).sum(-1)
        slopes = (x + plait.softplus(-2.0 * x) - math.log(2.0)).sum(-1)
        return 0.5 * logs - 2 * slopes

    def forward_shape(self, shape: Sequence[int]) -> Sequence[int]:
        n = _needs(self, shape, 1)[-1]
        d = round((0.25 + 2 * n) ** 0.5 + 0.5)
        if d * (d - 1) // 2 != n:
            raise ValueError(f"CorrCholeskyTransform: expected D (D - 1) / 2 numbers, got {n}")
        return (*shape[:-1], d, d)

    def inverse_shape(self, shape: Sequence[int]) -> Sequence[int]:
        d = _needs(self, shape, 2)[-1]
        if shape[-2] != d:
            raise ValueError(f"CorrCholeskyTransform: expected square matrices, got {tuple(shape)}")
        return (*shape[:-2], d * (d - 1) // 2)


class ReshapeTransform(Transform):
    """Values of `in_shape` to the same elements in `out_shape`."""

    def __init__(self, in_shape: Sequence[int], out_shape: Sequence[int], cache_size: int = 0):
        super().__init__(cache_size)
        self.in_shape, self.out_shape = plait.Size(in_shape), plait.Size(out_shape)
        if math.prod(self.in_shape) != math.prod(self.out_shape):
            raise ValueError(
                f"ReshapeTransform: expected shapes of as many elements, got {tuple(in_shape)} and "
                f"{tuple(out_shape)}"
            )
        self.domain = constraints.independent(constraints.real, len(self.in_shape))
        self.codomain = constraints.independent(constraints.real, len(self.out_shape))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(x.shape[: x.dim() - len(self.in_shape)] + self.out_shape)

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(y.shape[: y.dim() - len(self.out_shape)] + self.in_shape)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(x.shape[: x.dim() - len(self.in_shape)])

    def _reshaped(self, shape: Sequence[int], old: Sequence[int], new: Sequence[int]) -> Sequence[int]:
        cut = len(_needs(self, shape, len(old))) - len(old)
        if tuple(shape[cut:]) != tuple(old):
            raise ValueError(f"ReshapeTransform: expected a shape that ends in {old}, got {tuple(shape)}")
        return (*shape[:cut], *new)

    def forward_shape(self, shape: Sequence[int]) -> Sequence[int]:
        return self._reshaped(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Sequence[int]) -> Sequence[int]:
        return self._reshaped(shape, self.out_shape, self.in_shape)

    def _parameters(self) -> Any:
        return self.in_shape, self.out_shape


class CumulativeDistributionTransform(Transform):
    """Values of a distribution to their probabilities: its cdf.

    >>> CumulativeDistributionTransform(plait.distributions.Normal(0.0, 1.0))(plait.tensor(0.0))
    tensor(0.5000)
    """

    codomain = constraints.unit_interval
    sign = 1

    def __init__(self, distribution: Any, cache_size: int = 0):
        super().__init__(cache_size)
        self.distribution = distribution

    @property
    def domain(self) -> Constraint:  # type: ignore[override]
        return self.distribution.support

    def _call(self, x: Tensor) -> Tensor:
        return self.distribution.cdf(x)

    def _inverse(self, y: Tensor) -> Tensor:
        return self.distribution.icdf(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return self.distribution.log_prob(x)


class _Several(Transform):
    """Transforms for parts of a tensor along `dim`."""

    transforms: list[Transform]

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0):
        if not all(isinstance(t, Transform) for t in tseq):
            raise TypeError(f"{type(self).__name__}: expected a list of Transforms, got {list(tseq)!r}")
        super().__init__(cache_size)
        self.transforms, self.dim = [t.with_cache(cache_size) for t in tseq], dim
        self.bijective = all(t.bijective for t in tseq)

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        raise NotImplementedError

    def _join(self, parts: list[Tensor]) -> Tensor:
        raise NotImplementedError

    def _call(self, x: Tensor) -> Tensor:
        return self._join([t(part) for t, part in zip(self.transforms, self._split(x), strict=True)])

    def _inverse(self, y: Tensor) -> Tensor:
        parts = zip(self.transforms, self._split(y), strict=True)
        return self._join([t._inv_call(part) for t, part in parts])

    def _stretches(self, x: Tensor, y: Tensor) -> list[tuple[Transform, Tensor]]:
        parts = zip(self.transforms, self._split(x), self._split(y), strict=True)
        return [(t, t.log_abs_det_jacobian(a, b)) for t, a, b in parts]


class CatTransform(_Several):
    """Each transform for its part, of `lengths` along `dim`."""

    def __init__(
        self,
        tseq: Sequence[Transform],
        dim: int = 0,
        lengths: Sequence[int] | None = None,
        cache_size: int = 0,
    ):
        super().__init__(tseq, dim, cache_size)
        self.lengths = [1] * len(self.transforms) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise ValueError(
                f"CatTransform: expected as many lengths as transforms, {len(self.transforms)}, got "
                f"{len(self.lengths)}"
            )

    @property
    def length(self) -> int:
        """The size of dimension `dim`."""
        return sum(self.lengths)

    @property
    def event_dim(self) -> int:
        """How many dimensions make one value."""
        return max(t.codomain.event_dim for t in self.transforms)

    @property
    def domain(self) -> Constraint:  # type: ignore[override]
        return constraints.cat([t.domain for t in self.transforms], self.dim, self.lengths)

    @property
    def codomain(self) -> Constraint:  # type: ignore[override]
        return constraints.cat([t.codomain for t in self.transforms], self.dim, self.lengths)

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        return x.split(self.lengths, self.dim)

    def _join(self, parts: list[Tensor]) -> Tensor:
        return plait.cat(parts, self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        most = self.domain.event_dim
        found = [
            sum_rightmost(stretch, most - t.domain.event_dim) if t.domain.event_dim < most else stretch
            for t, stretch in self._stretches(x, y)
        ]
        dim = (self.dim - x.dim() if self.dim >= 0 else self.dim) + most
        return plait.cat(found, dim) if dim < 0 else sum(found[1:], found[0])


class StackTransform(_Several):
    """Each transform for its entry along `dim`."""

    @property
    def domain(self) -> Constraint:  # type: ignore[override]
        return constraints.stack([t.domain for t in self.transforms], self.dim)

    @property
    def codomain(self) -> Constraint:  # type: ignore[override]
        return constraints.stack([t.codomain for t in self.transforms], self.dim)

    def _split(self, x: Tensor) -> Sequence[Tensor]:
        return x.unbind(self.dim)

    def _join(self, parts: list[Tensor]) -> Tensor:
        return plait.stack(parts, self.dim)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return plait.stack([stretch for _, stretch in self._stretches(x, y)], self.dim)
