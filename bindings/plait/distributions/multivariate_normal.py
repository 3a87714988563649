"""The normal distribution of vectors."""

from __future__ import annotations

import math

import plait
from plait import Tensor

from . import constraints
from .distribution import Distribution
from .utils import lazy_property

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["MultivariateNormal"]


class MultivariateNormal(Distribution):
    """Vectors with mean `loc` (..., n) and one of `covariance_matrix`, `precision_matrix` (its inverse) and
    `scale_tril` (its Cholesky factor), of shape (..., n, n).

    >>> p = MultivariateNormal(plait.zeros(2), plait.eye(2))
    >>> p.log_prob(plait.zeros(2))
    tensor(-1.8379)
    """

    arg_constraints = {"loc": constraints.real_vector}
    support = constraints.real_vector
    has_rsample = True

    def __init__(
        self,
        loc: Tensor,
        covariance_matrix: Tensor | None = None,
        precision_matrix: Tensor | None = None,
        scale_tril: Tensor | None = None,
        validate_args: bool | None = None,
    ):
        given = {
            "covariance_matrix": covariance_matrix,
            "precision_matrix": precision_matrix,
            "scale_tril": scale_tril,
        }
        named = [(name, value) for name, value in given.items() if value is not None]
        if len(named) != 1:
            raise ValueError(
                "MultivariateNormal: expected one of covariance_matrix, precision_matrix and scale_tril, got "
                f"{[name for name, _ in named] or 'none'}"
            )
        if loc.dim() < 1:
            raise ValueError("MultivariateNormal: expected loc of at least one dimension")
        ((name, matrix),) = named
        if matrix.dim() < 2 or matrix.shape[-1] != matrix.shape[-2] or matrix.shape[-1] != loc.shape[-1]:
            raise ValueError(
                f"MultivariateNormal: expected {name} (..., {loc.shape[-1]}, {loc.shape[-1]}), got "
                f"{tuple(matrix.shape)}"
            )
        batch = plait.broadcast_shapes(tuple(matrix.shape[:-2]), tuple(loc.shape[:-1]))
        matrix = matrix.expand((*batch, *matrix.shape[-2:]))
        self.loc = loc.expand((*batch, loc.shape[-1]))
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)
        if self._validate_args and name != "scale_tril" and not plait.allclose(matrix, matrix.mT, atol=1e-5):
            raise ValueError(f"MultivariateNormal: expected {name} to be symmetric")
        if name == "scale_tril":
            if self._validate_args and not (matrix.diagonal(dim1=-2, dim2=-1) > 0).all():
                raise ValueError("MultivariateNormal: expected scale_tril with a positive diagonal")
            self.scale_tril = self._unbroadcasted_scale_tril = matrix
        elif name == "covariance_matrix":
            self.covariance_matrix = matrix
            self._unbroadcasted_scale_tril = plait.linalg.cholesky(matrix)
        else:
            self.precision_matrix = matrix
            self._unbroadcasted_scale_tril = _of_precision(matrix)

    @lazy_property
    def scale_tril(self) -> Tensor:
        """The Cholesky factor of the covariance."""
        return self._unbroadcasted_scale_tril

    @lazy_property
    def covariance_matrix(self) -> Tensor:
        """The covariance."""
        return self._unbroadcasted_scale_tril @ self._unbroadcasted_scale_tril.mT

    @lazy_property
    def precision_matrix(self) -> Tensor:
        """The inverse of the covariance."""
        return plait.cholesky_inverse(self._unbroadcasted_scale_tril)

    @property
    def mean(self) -> Tensor:
        return self.loc

    mode = mean

    @property
    def variance(self) -> Tensor:
        return self._unbroadcasted_scale_tril.square().sum(-1)

    def expand(self, batch_shape: Sequence[int], _instance: Any = None) -> MultivariateNormal:
        shape, n = tuple(batch_shape), self.loc.shape[-1]
        factor = self._unbroadcasted_scale_tril.expand((*shape, n, n))
        new = self._expanded(shape, _instance, loc=self.loc.expand((*shape, n)))
        new._unbroadcasted_scale_tril = factor
        return new

    def rsample(self, sample_shape: Sequence[int] = ()) -> Tensor:
        shape = self._extended_shape(sample_shape)
        noise = plait.randn(shape, dtype=self.loc.dtype, device=self.loc.device)
        return self.loc + (self._unbroadcasted_scale_tril @ noise.unsqueeze(-1)).squeeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        self._validate_sample(value)
        n = self.loc.shape[-1]
        apart = value - self.loc
        factor = self._unbroadcasted_scale_tril.expand((*apart.shape[:-1], n, n))
        white = plait.linalg.solve_triangular(factor, apart.unsqueeze(-1), upper=False).squeeze(-1)
        half_log_det = factor.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return -0.5 * (n * math.log(2 * math.pi) + white.square().sum(-1)) - half_log_det

    def entropy(self) -> Tensor:
        half_log_det = self._unbroadcasted_scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
        return 0.5 * self.loc.shape[-1] * (1.0 + math.log(2 * math.pi)) + half_log_det


def _of_precision(precision: Tensor) -> Tensor:
    """The lower factor of the inverse: that of the matrix with both orders reversed, inverted (Golub and Van
    Loan, Matrix Computations, 4.2)."""
    reversed_factor = plait.linalg.cholesky(precision.flip((-2, -1)))
    upper_inverse = reversed_factor.flip((-2, -1)).mT
    unit = plait.eye(precision.shape[-1], dtype=precision.dtype, device=precision.device)
    return plait.linalg.solve_triangular(upper_inverse, unit.expand(precision.shape), upper=False)
