"""The Wishart distribution of positive definite matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .gamma import log_gamma_rsample
from .multivariate_normal import _of_precision
from .utils import lazy_property

__all__ = ["Wishart"]

_TRIES = 10  # draws in the place of singular ones


class Wishart(Distribution):
    """Sums of `df` outer products of normal vectors with covariance `covariance_matrix` (..., n, n), given by
    itself, its inverse `precision_matrix` or its Cholesky factor `scale_tril`. df > n - 1 need not be whole.
    Samples are made by Bartlett's decomposition.

    >>> p = Wishart(plait.tensor(4.0), plait.eye(2))
    >>> p.mean
    tensor([[4., 0.],
            [0., 4.]])
    """

    arg_constraints = {"df": constraints.positive, "scale_tril": constraints.lower_cholesky}
    support = constraints.positive_definite
    has_rsample = True

    def __init__(
        self,
        df: Tensor | float,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        given = [m for m in (covariance_matrix, precision_matrix, scale_tril) if m is not None]
        if len(given) != 1:
            raise ValueError(
                "Wishart: expected one of covariance_matrix, precision_matrix and scale_tril, got "
                f"{len(given)} of them"
            )
        (matrix,) = given
        if matrix.dim() < 2 or matrix.shape[-1] != matrix.shape[-2]:
            raise ValueError(f"Wishart: expected square matrices (..., n, n), got {tuple(matrix.shape)}")
        df = plait.as_tensor(df, dtype=matrix.dtype, device=matrix.device)
        batch = plait.broadcast_shapes(tuple(df.shape), tuple(matrix.shape[:-2]))
        n = matrix.shape[-1]
        matrix, self.df = matrix.expand((*batch, n, n)), df.expand(batch)
        if not (self.df > n - 1).all():
            raise ValueError(f"Wishart: expected df greater than n - 1 = {n - 1}, got {df}")
        if scale_tril is not None:
            self._factor = matrix
        elif covariance_matrix is not None:
            self._factor = plait.linalg.cholesky(matrix)
        else:
            self._factor = _of_precision(matrix)
        super().__init__(batch, (n, n), validate_args=validate_args)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return self._factor

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance of the vectors."""
        return self._factor @ self._factor.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return plait.cholesky_inverse(self._factor)

    @property
    def mean(self) -> Tensor:
        return self.df[..., None, None] * self.covariance_matrix

    @property
    def mode(self) -> Tensor:
        factor = self.df - self._event_shape[0] - 1
        return plait.where(factor > 0, factor, math.nan)[..., None, None] * self.covariance_matrix

    @property
    def variance(self) -> Tensor:
        v = self.covariance_matrix
        diagonal = v.diagonal(dim1=-2, dim2=-1)
        return self.df[..., None, None] * (v**2 + diagonal[..., :, None] * diagonal[..., None, :])

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> Wishart:
        shape = tuple(batch_shape)
        new = self._expanded(shape, _instance, df=self.df.expand(shape))
        new._factor = self._factor.expand((*shape, *self._event_shape))
        return new

    def rsample(self, sample_shape: Sequence[int] = (), max_try_correction: int | None = None) -> Tensor:
        """Every sample is positive definite: `max_try_correction` is not read."""
        shape = self._extended_shape(sample_shape)
        result = self._draw(shape)
        for _ in range(_TRIES):  # rounding makes some matrices singular, where df is close to n - 1
            singular = ~self.support.check(result)
            if not singular.any():
                break
            result = plait.where(singular[..., None, None], self._draw(shape), result)
        return result

    def _draw(self, shape: Sequence[int]) -> Tensor:
        n = self._event_shape[0]
        i = plait.arange(n, dtype=self.df.dtype, device=self.df.device)
        half = ((self.df.unsqueeze(-1) - i) / 2).expand(shape[:-1])
        # Roots of chi-squared variables of df, df - 1, ... degrees on the diagonal, normal ones below.
        diagonal = (0.5 * (log_gamma_rsample(half) + math.log(2))).exp().to(self.df.dtype)
        below = plait.randn(shape, dtype=self.df.dtype, device=self.df.device).tril(-1)
        factor = self._factor @ (below + diagonal.diag_embed())
        return factor @ factor.mT

    def _log_det(self) -> Tensor:
        return 2 * self._factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n, df = self._event_shape[0], self.df
        batch = plait.broadcast_shapes(tuple(value.shape[:-2]), tuple(self._batch_shape))
        factor = self._factor.expand((*batch, *self._event_shape))
        trace = plait.cholesky_solve(value.expand((*batch, n, n)), factor).diagonal(dim1=-2, dim2=-1).sum(-1)
        return (
            0.5 * (df - n - 1) * plait.linalg.slogdet(value)[1]
            - 0.5 * trace
            - 0.5 * df * (n * math.log(2) + self._log_det())
            - plait.special.multigammaln(df / 2, n)
        )

    def entropy(self) -> Tensor:
        n, df = self._event_shape[0], self.df
        i = plait.arange(n, dtype=df.dtype, device=df.device)
        digammas = plait.digamma((df.unsqueeze(-1) - i) / 2).sum(-1)
        return (
            0.5 * (n + 1) * (self._log_det() + n * math.log(2))
            + plait.special.multigammaln(df / 2, n)
            - 0.5 * (df - n - 1) * digammas
            + 0.5 * n * df
        )
