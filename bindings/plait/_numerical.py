"""Numerical analysis that is a composition of ops: low-rank factorisations, integrals of samples, the next
floating-point numbers.
"""

from __future__ import annotations

import plait

from ._C import ArgumentError
from ._out import with_out
from .overrides import overridable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._C import Tensor

__all__ = [
    "cumulative_trapezoid",
    "gradient",
    "mvlgamma",
    "pca_lowrank",
    "svd_lowrank",
]


@with_out
def mvlgamma(input: Tensor, p: int, *, out: Any = None) -> Tensor:
    """The logarithm of the multivariate gamma function of dimension p; plait.special.multigammaln.

    >>> plait.mvlgamma(plait.tensor(2.0), 1)
    tensor(0.)
    """
    from . import special

    return special.multigammaln(input, p)


@overridable
def cumulative_trapezoid(
    y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1
) -> Tensor:
    """The integrals of samples y from the first to each of the others, by the trapezoid rule: one entry less
    along `dim`. Samples are at `x`, or `dx` (1) apart; both raise ArgumentError.

    >>> plait.cumulative_trapezoid(plait.tensor([1.0, 2.0, 3.0]))
    tensor([1.5000, 4.0000])
    """
    if x is not None and dx is not None:
        raise ArgumentError("cumulative_trapezoid: expected x or dx, got both")
    n = y.shape[dim]
    if n == 0:
        return y * 1.0  # as empty, in the dtype of an integral
    heights = (y.narrow(dim, 1, n - 1) + y.narrow(dim, 0, n - 1)) / 2
    if x is None:
        return (heights * (1 if dx is None else dx)).cumsum(dim)
    if x.dim() == 1:
        steps = (x[1:] - x[:-1]).reshape([-1] + [1] * (y.dim() - 1 - dim % y.dim()))
    else:
        steps = x.narrow(dim, 1, x.shape[dim] - 1) - x.narrow(dim, 0, x.shape[dim] - 1)
    return (heights * steps).cumsum(dim)


@overridable
def gradient(
    input: Tensor,
    *,
    spacing: Any = 1,
    dim: int | Sequence[int] | None = None,
    edge_order: int = 1,
) -> tuple[Tensor, ...]:
    """The derivatives of sampled values along each of the dimensions `dim` (all unless given): by central
    differences, at the two ends by one-sided ones of order `edge_order`, 1 or 2 (as NumPy's gradient).

    `spacing`: the distance of samples, for all dimensions or one for each, or a list of 1-d tensors of the
    samples' coordinates.

    >>> plait.gradient(plait.tensor([1.0, 4.0, 9.0, 16.0]))
    (tensor([3., 4., 6., 7.]),)
    """
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: expected edge_order 1 or 2, got {edge_order}")
    rank = input.dim()
    given = range(rank) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    for d in given:
        if not -rank <= d < rank:
            raise IndexError(f"gradient: expected dim between {-rank} and {rank - 1}, got {d}")
    dims = [d % rank for d in given]
    spacing = 1 if spacing is None else spacing
    steps = list(spacing) if isinstance(spacing, (list, tuple)) else [spacing] * len(dims)
    if len(set(dims)) != len(dims) or len(steps) != len(dims):
        raise ValueError(
            f"gradient: expected different dimensions and a spacing for each, got dim {tuple(given)} and "
            f"{len(steps)} of spacing"
        )
    floats = input.dtype.is_floating_point or input.dtype.is_complex
    x = input if floats else input.to(plait.get_default_dtype())
    return tuple(_derivative(x, d, step, edge_order) for d, step in zip(dims, steps))


def _derivative(x: Tensor, dim: int, spacing: Any, edge_order: int) -> Tensor:
    n = x.shape[dim]
    if n < edge_order + 1:
        raise ValueError(
            f"gradient: expected at least {edge_order + 1} samples along dimension {dim}, got shape "
            f"{tuple(x.shape)}"
        )

    def part(begin: int, end: int) -> Tensor:
        return x.narrow(dim, begin % (n + 1), end % (n + 1) - begin % (n + 1))

    if isinstance(spacing, plait.Tensor) and spacing.dim() == 1:
        if spacing.shape[0] != n:
            raise ValueError(
                f"gradient: expected {n} coordinates for dimension {dim}, got {spacing.shape[0]}"
            )
        h = spacing.diff().reshape([-1 if d == dim else 1 for d in range(x.dim())])
    else:
        h = plait.ones((), dtype=x.real.dtype if x.is_complex() else x.dtype, device=x.device) * spacing
        h = h.expand([n - 1 if d == dim else 1 for d in range(x.dim())])

    def steps(begin: int, end: int) -> Tensor:
        return h.narrow(dim, begin % n, end % n - begin % n)

    if edge_order == 1 or n < 3:
        first = (part(1, 2) - part(0, 1)) / steps(0, 1)
        last = (part(n - 1, n) - part(n - 2, n - 1)) / steps(n - 2, n - 1)
    else:
        a, b = steps(0, 1), steps(1, 2)
        first = (
            -(2 * a + b) / (a * (a + b)) * part(0, 1)
            + (a + b) / (a * b) * part(1, 2)
            - a / (b * (a + b)) * part(2, 3)
        )
        a, b = steps(n - 3, n - 2), steps(n - 2, n - 1)
        last = (
            b / (a * (a + b)) * part(n - 3, n - 2)
            - (a + b) / (a * b) * part(n - 2, n - 1)
            + (2 * b + a) / (b * (a + b)) * part(n - 1, n)
        )
    if n == 2:
        return plait.cat([first, last], dim)
    if not isinstance(spacing, plait.Tensor) or spacing.dim() == 0:
        # The sample in the middle has weight 0, which would make NaN of an infinite one.
        middle = (part(2, n) - part(0, n - 2)) / (2 * steps(0, n - 2))
        return plait.cat([first, middle, last], dim)
    a, b = steps(0, n - 2), steps(1, n - 1)
    middle = (
        -b / (a * (a + b)) * part(0, n - 2)
        + (b - a) / (a * b) * part(1, n - 1)
        + a / (b * (a + b)) * part(2, n)
    )
    return plait.cat([first, middle, last], dim)




def svd_lowrank(
    A: Tensor, q: int | None = 6, niter: int | None = 2, M: Tensor | None = None
) -> tuple[Tensor, Tensor, Tensor]:
    """U (..., m, q), S (..., q) and V (..., n, q) with A - M close to U diag(S) V^T: the q largest singular
    values of A (..., m, n), from products with a random matrix and `niter` power iterations (Halko,
    Martinsson and Tropp 2009, algorithms 4.4 and 5.1).

    >>> u, s, v = plait.svd_lowrank(plait.ones(4, 3), q=1)
    >>> s
    tensor([3.4641])
    """
    m, n = A.shape[-2:]
    q = min(6, m, n) if q is None else q
    if not 0 <= q <= min(m, n):
        raise ArgumentError(f"svd_lowrank: expected q in [0, {min(m, n)}] for {m} x {n} matrices, got {q}")
    if M is not None:
        A = A - M
    from . import linalg

    wide = m < n
    a = A.mH if wide else A
    basis = linalg.qr(a @ plait.randn((a.shape[-1], q), dtype=a.dtype, device=a.device)).Q
    for _ in range(niter or 0):
        basis = linalg.qr(a.mH @ basis).Q
        basis = linalg.qr(a @ basis).Q
    u, s, vh = linalg.svd(basis.mH @ a, full_matrices=False)
    u, v = basis @ u, vh.mH
    return (v, s, u) if wide else (u, s, v)


def pca_lowrank(
    A: Tensor, q: int | None = None, center: bool = True, niter: int = 2
) -> tuple[Tensor, Tensor, Tensor]:
    """svd_lowrank of the rows of A (..., m, n) less their mean: V's columns are the q principal directions.

    >>> plait.pca_lowrank(plait.randn(10, 4), q=2)[2].shape
    plait.Size([4, 2])
    """
    q = min(6, *A.shape[-2:]) if q is None else q
    return svd_lowrank(A - A.mean(-2, keepdim=True) if center else A, q, niter)
