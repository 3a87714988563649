"""The LKJ distribution of correlation matrices, by their Cholesky factors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .beta import Beta
from .distribution import Distribution
from .utils import broadcast_all

__all__ = ["LKJCholesky"]


class LKJCholesky(Distribution):
    """Lower triangular Cholesky factors of dim x dim correlation matrices C, with density proportional to
    det(C) ^ (concentration - 1) (Lewandowski, Kurowicka and Joe 2009): uniform for 1, near the identity for
    large ones. Samples are made by the onion method.

    >>> plait.distributions.LKJCholesky(3, 0.5).sample().shape
    plait.Size([3, 3])
    """

    arg_constraints = {"concentration": constraints.positive}
    support = constraints.corr_cholesky
    dim: int

    def __init__(self, dim: int, concentration: Tensor | float = 1.0, validate_args: bool | None = None):
        if dim < 2:
            raise ValueError(f"LKJCholesky: expected dim of 2 or more, got {dim}")
        self.dim = dim
        (self.concentration,) = broadcast_all(concentration)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)
        # Row i + 1 is a point of a ball of i + 1 dimensions, whose squared radius has a beta distribution.
        i = plait.arange(dim - 1, dtype=self.concentration.dtype, device=self.concentration.device)
        marginal = self.concentration + 0.5 * (dim - 2)
        self._beta = Beta(0.5 * (i + 1), marginal.unsqueeze(-1) - 0.5 * i, validate_args=False)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> LKJCholesky:
        shape = tuple(batch_shape)
        new = self._expanded(shape, _instance, concentration=self.concentration.expand(shape))
        new.dim = self.dim
        new._beta = self._beta.expand((*shape, self.dim - 1))
        return new

    def sample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        with plait.no_grad():
            squares = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = plait.randn(
                self._extended_shape(sample_shape), dtype=squares.dtype, device=squares.device
            ).tril(-1)
            directions = normal / plait.linalg.vector_norm(normal, dim=-1, keepdim=True)
            # The first row of directions is 0 / 0; it has no entries below the diagonal.
            w = plait.pad(squares.sqrt() * directions[..., 1:, :], (0, 0, 1, 0))
            left = (1 - (w * w).sum(-1)).clamp_min(plait.finfo(w.dtype).tiny).sqrt()
            return w + left.diag_embed()

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        diagonal = value.diagonal(dim1=-1, dim2=-2)[..., 1:]
        order = plait.arange(2, self.dim + 1, dtype=diagonal.dtype, device=diagonal.device)
        power = 2 * (self.concentration - 1).unsqueeze(-1) + self.dim - order
        density = (power * diagonal.log()).sum(-1)
        # The normalising constant, of page 1999 of the paper.
        n = self.dim - 1
        alpha = self.concentration + 0.5 * n
        log_pi = 0.5 * n * math.log(math.pi)
        return density - (log_pi + plait.special.multigammaln(alpha - 0.5, n) - alpha.lgamma() * n)
