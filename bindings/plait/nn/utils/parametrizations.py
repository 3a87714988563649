"""Parametrizations of weights: weight norm, spectral norm, orthogonal matrices."""

from __future__ import annotations

import plait
from plait import Tensor

from .. import functional as F
from ..modules.module import Module
from . import parametrize
from ._spectral_norm import default_dim, matrix_of, power_iterations
from ._weight_norm import norm_except_dim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]


class _WeightNorm(Module):
    """g v / |v|."""

    def __init__(self, dim: int | None = 0):
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        """The weight."""
        return weight_v * (weight_g / norm_except_dim(weight_v, self.dim))

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        """Its norm and direction."""
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Splits a weight into its norm (`original0`) over all dimensions but `dim`, and its direction
    (`original1`): Salimans and Kingma 2016. State dicts of the former nn.utils.weight_norm are read too.

    >>> m = plait.nn.utils.parametrizations.weight_norm(plait.nn.Linear(4, 3))
    >>> list(m.state_dict())
    ['bias', 'parametrizations.weight.original0', 'parametrizations.weight.original1']
    """
    parametrize.register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def old_keys(state: dict, prefix: str, *_: Any) -> None:
        for i, old in enumerate((f"{prefix}{name}_g", f"{prefix}{name}_v")):
            if old in state:
                state[f"{prefix}parametrizations.{name}.original{i}"] = state.pop(old)

    module._register_load_state_dict_pre_hook(old_keys)
    return module


class _SpectralNorm(Module):
    """The weight over its largest singular value."""

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12):
        super().__init__()
        if not -weight.dim() <= dim < weight.dim():
            raise IndexError(
                f"spectral_norm: dim should be between {-weight.dim()} and {weight.dim() - 1}, got {dim}"
            )
        if n_power_iterations <= 0:
            raise ValueError(f"spectral_norm: expected n_power_iterations > 0, got {n_power_iterations}")
        self.dim, self.eps = dim % weight.dim(), eps
        if weight.dim() > 1:
            self.n_power_iterations = n_power_iterations
            with plait.no_grad():
                matrix = matrix_of(weight.detach(), self.dim)
                u, v = (matrix.new_empty((n,)).normal_(0, 1) for n in matrix.shape)
                u, v = F.normalize(u, dim=0, eps=eps), F.normalize(v, dim=0, eps=eps)
                power_iterations(matrix, u, v, 15, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)

    def forward(self, weight: Tensor) -> Tensor:
        """The weight over its largest singular value, which is estimated again in training."""
        if weight.dim() == 1:
            return F.normalize(weight, dim=0, eps=self.eps)
        matrix = matrix_of(weight, self.dim)
        if self.training:
            power_iterations(matrix, self._u, self._v, self.n_power_iterations, self.eps)
        # Copies: a second forward changes u and v in place before the first one's backward.
        u, v = self._u.clone(), self._v.clone()
        return weight / plait.dot(u, plait.mv(matrix, v))

    def right_inverse(self, value: Tensor) -> Tensor:
        """The value itself."""
        return value


def spectral_norm(
    module: Module,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> Module:
    """Keeps the largest singular value of a weight at 1 (Miyato et al. 2018), estimated by power iterations.

    >>> m = plait.nn.utils.parametrizations.spectral_norm(plait.nn.Linear(4, 3))
    >>> [key.rpartition(".")[2] for key in m.state_dict()]
    ['bias', 'original', '_u', '_v']
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"spectral_norm: {type(module).__name__} has no parameter or buffer '{name}'")
    dim = default_dim(module) if dim is None else dim
    norm = _SpectralNorm(weight, n_power_iterations, dim, eps)
    return parametrize.register_parametrization(module, name, norm)


class _Orthogonal(Module):
    """A matrix with orthogonal columns (or rows, where they are fewer), from any matrix of its shape."""

    base: Tensor | None

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool):
        super().__init__()
        self.shape = tuple(weight.shape)
        self.orthogonal_map = orthogonal_map
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        """The orthogonal matrix."""
        turned = X.shape[-2] < X.shape[-1]
        X = X.mT if turned else X
        n, k = X.shape[-2:]
        if self.orthogonal_map == "householder":
            below = X.tril(-1)
            q = plait.linalg.householder_product(below, 2.0 / (1.0 + (below * below).sum(-2)))
            q = q * X.diagonal(0, -2, -1).detach().trunc().unsqueeze(-2)
        else:
            X = X.tril()
            if n != k:
                X = plait.cat([X, X.new_zeros((*X.shape[:-1], n - k))], -1)
            skew = X - X.mH
            if self.orthogonal_map == "matrix_exp":
                q = plait.linalg.matrix_exp(skew)
            else:
                one = plait.eye(n, dtype=X.dtype, device=X.device).expand(skew.shape)
                q = plait.linalg.solve(one - 0.5 * skew, one + 0.5 * skew)
            q = q[..., :k]
        base = self._buffers.get("base")
        if base is not None:
            q = base @ q
        return q.mT if turned else q

    def right_inverse(self, Q: Tensor) -> Tensor:
        """Makes Q, or the nearest that a QR decomposition gives, the base; the original becomes -1.

        Without a base Q's reflections become the original; only they have a closed form.
        """
        if tuple(Q.shape) != self.shape:
            raise ValueError(f"orthogonal: expected shape {self.shape}, got {tuple(Q.shape)}")
        turned = Q.shape[-2] < Q.shape[-1]
        tall = Q.detach().mT if turned else Q.detach()
        if "base" not in self._buffers:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    f"orthogonal: with orthogonal_map='{self.orthogonal_map}' a matrix can only be assigned "
                    "with use_trivialization=True"
                )
            from plait._linalg import geqrf

            a, tau = geqrf(tall)
            signs = a.diagonal(0, -2, -1).sgn()  # what forward multiplies the columns by
            a.diagonal(0, -2, -1).copy_(plait.where(tau == 0, -signs, signs))
            return a.mT if turned else a
        n, k = tall.shape[-2:]
        if n != k:
            tall = plait.cat([tall, tall.new_empty((*tall.shape[:-1], n - k)).normal_()], -1)
        one = plait.eye(n, dtype=Q.dtype, device=Q.device)
        eps = 10 * n * plait.finfo(Q.dtype).eps
        if n != k or not plait.allclose(tall.mH @ tall, one.expand(tall.shape), atol=eps):
            q, r = plait.linalg.qr(tall)
            tall = q * r.diagonal(0, -2, -1).sgn().unsqueeze(-2)
        self.base = tall.clone()
        negative = plait.zeros_like(Q)
        negative.diagonal(0, -2, -1).fill_(-1.0)
        return negative


def orthogonal(
    module: Module,
    name: str = "weight",
    orthogonal_map: str | None = None,
    *,
    use_trivialization: bool = True,
) -> Module:
    """Keeps a matrix (or batch of matrices) orthogonal: Q^T Q = 1, or Q Q^T = 1 where there are more columns
    than rows (Lezcano-Casado 2019).

    `orthogonal_map`: 'matrix_exp' (the default of square matrices), 'cayley' or 'householder'. With
    `use_trivialization` the result is multiplied by a fixed orthogonal matrix, so that training starts at the
    module's weight, made orthogonal, and weights can be assigned.

    >>> m = plait.nn.utils.parametrizations.orthogonal(plait.nn.Linear(4, 3))
    >>> bool((m.weight @ m.weight.T - plait.eye(3)).abs().max() < 1e-5)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"orthogonal: {type(module).__name__} has no parameter or buffer '{name}'")
    if weight.dim() < 2:
        raise ValueError(
            f"orthogonal: expected '{name}' with at least 2 dimensions, got shape {tuple(weight.shape)}"
        )
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            "orthogonal: expected orthogonal_map 'matrix_exp', 'cayley' or 'householder', got "
            f"'{orthogonal_map}'"
        )
    if orthogonal_map == "householder" and weight.is_complex():
        raise ValueError("orthogonal: orthogonal_map='householder' takes real matrices, got a complex one")
    form = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return parametrize.register_parametrization(module, name, form, unsafe=True)
