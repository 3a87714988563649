"""The normal distribution of vectors whose covariance is a diagonal and a matrix of low rank."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .utils import lazy_property

__all__ = ["LowRankMultivariateNormal"]


class LowRankMultivariateNormal(Distribution):
    """Vectors with mean `loc` (..., n) and covariance cov_factor cov_factor^T + diag(cov_diag), of cov_factor
    (..., n, r) and cov_diag (..., n) > 0. Costs grow with n r^2, not with n^3.

    >>> p = LowRankMultivariateNormal(plait.zeros(2), plait.zeros(2, 1), plait.ones(2))
    >>> p.log_prob(plait.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),
        "cov_diag": constraints.independent(constraints.positive, 1),
    }
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool | None = None
    ):
        n = loc.shape[-1] if loc.dim() else 0
        if loc.dim() < 1 or cov_factor.dim() < 2 or cov_factor.shape[-2] != n or cov_diag.shape[-1:] != (n,):
            raise ValueError(
                "LowRankMultivariateNormal: expected loc (..., n), cov_factor (..., n, r) and "
                f"cov_diag (..., n), got {tuple(loc.shape)}, {tuple(cov_factor.shape)} and "
                f"{tuple(cov_diag.shape)}"
            )
        batch = plait.broadcast_shapes(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        self.loc, self.cov_diag = loc.expand((*batch, n)), cov_diag.expand((*batch, n))
        self.cov_factor = cov_factor.expand((*batch, n, cov_factor.shape[-1]))
        super().__init__(batch, (n,), validate_args=validate_args)

    @lazy_property
    def _capacitance_tril(self) -> Tensor:
        """The Cholesky factor of 1 + W^T D^-1 W."""
        scaled = self.cov_factor.mT / self.cov_diag.unsqueeze(-2)
        unit = plait.eye(self.cov_factor.shape[-1], dtype=self.loc.dtype, device=self.loc.device)
        return plait.linalg.cholesky(unit + scaled @ self.cov_factor)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @lazy_property
    def variance(self) -> Tensor:
        """The variances of the entries."""
        return self.cov_factor.square().sum(-1) + self.cov_diag

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self.cov_factor @ self.cov_factor.mT + self.cov_diag.diag_embed()

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return plait.linalg.cholesky(self.covariance_matrix)

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance, by Woodbury's identity."""
        scaled = self.cov_factor.mT / self.cov_diag.unsqueeze(-2)
        part = plait.linalg.solve_triangular(self._capacitance_tril, scaled, upper=False)
        return (1 / self.cov_diag).diag_embed() - part.mT @ part

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> LowRankMultivariateNormal:
        shape = tuple(batch_shape)
        return self._expanded(
            shape,
            _instance,
            loc=self.loc.expand((*shape, *self.loc.shape[-1:])),
            cov_diag=self.cov_diag.expand((*shape, *self.loc.shape[-1:])),
            cov_factor=self.cov_factor.expand((*shape, *self.cov_factor.shape[-2:])),
        )

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        dtype, device = self.loc.dtype, self.loc.device
        low = plait.randn((*shape[:-1], self.cov_factor.shape[-1], 1), dtype=dtype, device=device)
        each = plait.randn(shape, dtype=dtype, device=device)
        return self.loc + (self.cov_factor @ low).squeeze(-1) + self.cov_diag.sqrt() * each

    def _log_det(self) -> Tensor:
        half = self._capacitance_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return 2 * half + self.cov_diag.log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        apart = value - self.loc
        scaled = apart / self.cov_diag
        turned = (self.cov_factor.mT @ scaled.unsqueeze(-1))
        r = self.cov_factor.shape[-1]
        factor = self._capacitance_tril.expand((*turned.shape[:-2], r, r))
        seen = plait.linalg.solve_triangular(factor, turned, upper=False).squeeze(-1)
        distance = (apart * scaled).sum(-1) - seen.square().sum(-1)
        n = self.loc.shape[-1]
        return -0.5 * (n * math.log(2 * math.pi) + self._log_det() + distance)

    def entropy(self) -> Tensor:
        n = self.loc.shape[-1]
        return 0.5 * (n * (1.0 + math.log(2 * math.pi)) + self._log_det())
