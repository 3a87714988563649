"""What the distributions share: parameters broadcast together, probabilities and logits."""

from __future__ import annotations

from numbers import Number

import plait
from plait import Size, Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = [
    "broadcast_all",
    "clamp_probs",
    "lazy_property",
    "logits_to_probs",
    "probs_to_logits",
    "tril_matrix_to_vec",
    "vec_to_tril_matrix",
]


def broadcast_all(*values: Any) -> tuple[Tensor, ...]:
    """Numbers and tensors as tensors of one shape. Numbers take the dtype of the first tensor, or the
    default dtype.

    >>> [t.shape for t in plait.distributions.utils.broadcast_all(plait.zeros(2), 1.0)]
    [plait.Size([2]), plait.Size([2])]
    """
    for v in values:
        if not isinstance(v, (Tensor, Number)):
            raise ValueError(f"distributions: expected parameters to be numbers or Tensors, got {v!r}")
    like = next((v for v in values if isinstance(v, Tensor)), None)
    dtype = plait.get_default_dtype() if like is None or not like.is_floating_point() else like.dtype
    device = None if like is None else like.device
    tensors = [v if isinstance(v, Tensor) else plait.tensor(v, dtype=dtype, device=device) for v in values]
    return plait.broadcast_tensors(*tensors)


def batch_of(parameters: tuple[Any, ...], tensor: Tensor) -> Size:
    """The batch_shape of parameters: () where all were numbers."""
    return Size() if all(isinstance(p, Number) for p in parameters) else tensor.shape


def either(who: str, probs: Any, logits: Any) -> None:
    """Checks that one of probs and logits is given."""
    if (probs is None) == (logits is None):
        raise ValueError(f"{who}: expected either probs or logits, got {'none' if probs is None else 'both'}")


def clamp_probs(probs: Tensor) -> Tensor:
    """Probabilities kept off 0 and 1 by the dtype's epsilon."""
    eps = plait.finfo(probs.dtype).eps
    return probs.clamp(eps, 1 - eps)


def inside(draws: Tensor) -> Tensor:
    """Draws, with what rounding took to 0 or 1, where densities may be infinite, kept in (0, 1)."""
    info = plait.finfo(draws.dtype)
    return draws.clamp(info.tiny, 1 - info.eps / 2)


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """log p, or the log odds log(p / (1 - p))."""
    p = clamp_probs(probs)
    return p.log() - (-p).log1p() if is_binary else p.log()


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """The softmax over the last dimension, or the sigmoid."""
    return plait.sigmoid(logits) if is_binary else plait.softmax(logits, -1)


def tril_matrix_to_vec(mat: Tensor, diag: int = 0) -> Tensor:
    """The entries of matrices (..., D, D) up to a diagonal, row by row.

    >>> tril_matrix_to_vec(plait.arange(9.0).reshape(3, 3), -1)
    tensor([3., 6., 7.])
    """
    n = mat.shape[-1]
    if not -n <= diag < n:
        raise ValueError(f"tril_matrix_to_vec: expected diag in [{-n}, {n - 1}], got {diag}")
    rows, columns = plait.tril_indices(n, n, diag, device=mat.device)
    return mat[..., rows, columns]


def vec_to_tril_matrix(vec: Tensor, diag: int = 0) -> Tensor:
    """The matrices that tril_matrix_to_vec takes apart, with zeros elsewhere.

    >>> vec_to_tril_matrix(plait.tensor([1.0, 2.0, 3.0]))
    tensor([[1., 0.],
            [2., 3.]])
    """
    # D^2 + (1 + 2 diag) D - (2 count + |diag| (diag + 1)) = 0, of which D is the positive solution
    b, c = 1 + 2 * diag, 2 * vec.shape[-1] + abs(diag) * (diag + 1)
    n = round((-b + (b * b + 4 * c) ** 0.5) / 2)
    if n * n + b * n != c:
        raise ValueError(
            f"vec_to_tril_matrix: {vec.shape[-1]} numbers are no triangle of a square matrix with diag={diag}"
        )
    rows, columns = plait.tril_indices(n, n, diag, device=vec.device)
    mat = plait.zeros((*vec.shape[:-1], n, n), dtype=vec.dtype, device=vec.device)
    mat[..., rows, columns] = vec
    return mat


def _standard_normal(shape: Any, dtype: Any, device: Any) -> Tensor:
    return plait.randn(tuple(shape), dtype=dtype, device=device)


def _sum_rightmost(value: Tensor, dim: int) -> Tensor:
    return value.flatten(value.dim() - dim).sum(-1) if dim else value


class lazy_property:
    """A property that is computed once and then an ordinary attribute."""

    def __init__(self, function: Any):
        self._function = function
        self.__doc__ = function.__doc__

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        if instance is None:
            return self
        with plait.enable_grad():
            value = self._function(instance)
        setattr(instance, self._function.__name__, value)
        return value
