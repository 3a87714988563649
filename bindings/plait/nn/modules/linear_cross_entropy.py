"""A linear layer and the cross entropy of what it gives, as one loss."""
# ruff: noqa: D102

from __future__ import annotations

import math
from collections import namedtuple

from plait import Tensor

from .. import functional as F
from .linear import Linear
from .loss import _WeightedLoss

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # as typing.get_type_hints needs it, without the milliseconds that typing takes

__all__ = ["LinearCrossEntropyLoss", "LinearCrossEntropyOptions"]

LinearCrossEntropyOptions = namedtuple(
    "LinearCrossEntropyOptions",
    ("allow_retain_graph", "batch_chunk_size", "chunking_method", "acc_policy", "acc_dtype"),
    defaults=(False, None, "auto", "auto", None),
)
LinearCrossEntropyOptions.__doc__ = "How PyTorch cuts that loss's logits into chunks: kept, and not read."


class LinearCrossEntropyLoss(_WeightedLoss):
    """CrossEntropyLoss of the logits `linear(input)`, with a Linear of its own (without bias by default) of
    `num_classes` outputs, for each of the places of `out_features`.

    Shapes: input (in_features) or (N, in_features); target (), (N) or (N, *out_features) for classes,
    (C), (N, C) or (N, C, *out_features) for probabilities. The other arguments are CrossEntropyLoss's;
    `options` are as in `nn.functional.linear_cross_entropy`. Raises ValueError for a weight that is not of
    shape (num_classes,) and for label_smoothing outside of [0, 1].

    >>> m = plait.nn.LinearCrossEntropyLoss(5, 10)
    >>> m(plait.randn(2, 5), plait.tensor([3, 9])).shape
    plait.Size([])
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: Any = None,
        reduction: str = "mean",
        weight: Tensor | None = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: Any = None,
    ):
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise ValueError(
                "LinearCrossEntropyLoss: expected weight of shape "
                f"({num_classes},), got {tuple(weight.shape)}"
            )
        if not 0 <= label_smoothing <= 1:
            raise ValueError(
                f"LinearCrossEntropyLoss: expected label_smoothing in [0, 1], got {label_smoothing}"
            )
        super().__init__(weight, reduction=reduction)
        self.num_classes = num_classes
        self.out_features = out_features
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing
        self.linear = Linear(
            in_features, num_classes * math.prod(out_features), bias=bias, device=device, dtype=dtype
        )
        self.options = options

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        # The layer's parameters are of two dimensions and one, as those of any Linear.
        places, bias = (self.num_classes, *self.out_features), self.linear.bias
        return F.linear_cross_entropy(
            input,
            self.linear.weight.reshape((*places, self.linear.in_features)),
            target,
            linear_bias=None if bias is None else bias.reshape(places),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, "
            f"reduction={self.reduction}, ignore_index={self.ignore_index}, "
            f"label_smoothing={self.label_smoothing}, options={self.options}"
        )
