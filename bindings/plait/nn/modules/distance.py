"""PairwiseDistance, CosineSimilarity."""
# ruff: noqa: D102 - `forward` is what the docstring of its class describes

from __future__ import annotations

import plait
from plait import Tensor

from .module import Module

__all__ = ["CosineSimilarity", "PairwiseDistance"]


class PairwiseDistance(Module):
    """The p-norm of x1 - x2 + eps over the last dimension: (N, D), (N, D) -> (N).

    >>> plait.nn.PairwiseDistance(eps=0)(plait.zeros(1, 2), plait.tensor([[3., 4.]]))
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False):
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return plait.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """x1 . x2 / max(|x1| |x2|, eps) over dimension `dim`.

    >>> plait.nn.CosineSimilarity()(plait.ones(1, 2), plait.ones(1, 2)).shape
    plait.Size([1])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8):
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        return plait.cosine_similarity(x1, x2, self.dim, self.eps)
