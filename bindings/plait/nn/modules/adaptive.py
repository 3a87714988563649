"""A softmax over very many classes: frequent ones at once, rare ones in clusters."""
# ruff: noqa: D102

from __future__ import annotations

from collections import namedtuple
from collections.abc import Sequence

import plait
from plait import Tensor

from .container import ModuleList, Sequential
from .linear import Linear
from .module import Module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # as typing.get_type_hints needs it, without the milliseconds that typing takes

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

_Result = namedtuple("_Result", ["output", "loss"])
_Result.__name__ = _Result.__qualname__ = "ASMoutput"


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probabilities of targets among `n_classes` classes that are sorted by frequency, most frequent
    first (Grave et al. 2017, "Efficient softmax approximation for GPUs").

    The first `cutoffs[0]` classes stand in the head, beside one entry for each cluster; cluster i holds the
    classes up to `cutoffs[i + 1]` and sees the input through `in_features // div_value ** (i + 1)` features.
    Input (N, in_features) or (in_features,), target (N,) or (): gives (output, loss), the targets'
    log-probabilities and the mean of their negatives. Raises ValueError for cutoffs that are not increasing,
    RuntimeError for targets that are no classes.

    >>> m = plait.nn.AdaptiveLogSoftmaxWithLoss(16, 1000, cutoffs=[10, 100])
    >>> out = m(plait.randn(4, 16), plait.tensor([3, 50, 999, 0]))
    >>> out.output.shape, m.log_prob(plait.randn(4, 16)).shape
    (plait.Size([4]), plait.Size([4, 1000]))
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ):
        super().__init__()
        cutoffs = list(cutoffs)
        if (
            not cutoffs
            or cutoffs != sorted(set(cutoffs))
            or min(cutoffs) <= 0
            or max(cutoffs) > n_classes - 1
            or any(int(c) != c for c in cutoffs)
        ):
            raise ValueError(
                "AdaptiveLogSoftmaxWithLoss: cutoffs should be a sequence of unique, positive, increasing "
                f"integers below n_classes={n_classes}, got {cutoffs}"
            )
        factory = {"device": device, "dtype": dtype}
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*cutoffs, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = self.cutoffs[0]
        self.n_clusters = len(self.cutoffs) - 1
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, bias=head_bias, **factory)
        self.tail = ModuleList()
        for i in range(self.n_clusters):
            hidden = int(in_features // (div_value ** (i + 1)))
            size = self.cutoffs[i + 1] - self.cutoffs[i]
            self.tail.append(
                Sequential(
                    Linear(in_features, hidden, bias=False, **factory),
                    Linear(hidden, size, bias=False, **factory),
                )
            )

    def reset_parameters(self) -> None:
        """Draws the parameters anew."""
        self.head.reset_parameters()
        for cluster in self.tail.children():
            for layer in cluster.children():
                layer.reset_parameters()  # type: ignore[operator]

    def forward(self, input: Tensor, target: Tensor) -> Any:
        if input.dim() not in (1, 2) or target.dim() != input.dim() - 1 or input.shape[:-1] != target.shape:
            raise RuntimeError(
                "AdaptiveLogSoftmaxWithLoss: expected input (N, in_features) and target (N,), or without "
                f"N, got {tuple(input.shape)} and {tuple(target.shape)}"
            )
        batched = input.dim() == 2
        x = input if batched else input.unsqueeze(0)
        y = target if batched else target.unsqueeze(0)
        head = self.head(x).log_softmax(1)
        # The place of each target in the head: its own, or its cluster's.
        place = y.clone()
        parts = []
        used = (y >= 0) & (y < self.shortlist_size)
        for i, (low, high) in enumerate(zip(self.cutoffs, self.cutoffs[1:])):
            inside = (y >= low) & (y < high)
            used = used | inside
            rows = inside.nonzero().squeeze(1)
            if rows.numel() == 0:
                continue
            place[rows] = self.shortlist_size + i
            local = self.tail[i](x.index_select(0, rows)).log_softmax(1)
            parts.append((rows, local.gather(1, (y[rows] - low).unsqueeze(1)).squeeze(1)))
        if not bool(used.all()):
            raise RuntimeError(
                f"AdaptiveLogSoftmaxWithLoss: target values should be in [0, {self.n_classes - 1}], got "
                f"values from {int(y.min())} to {int(y.max())}"
            )
        output = head.gather(1, place.unsqueeze(1)).squeeze(1)
        for rows, values in parts:
            output = output.index_add(0, rows, values)
        loss = (-output).mean()
        return _Result(output if batched else output.squeeze(0), loss)

    def log_prob(self, input: Tensor) -> Tensor:
        """The log-probabilities of all classes: (N, in_features) -> (N, n_classes)."""
        head = self.head(input).log_softmax(1)
        parts = [head[:, : self.shortlist_size]]
        for i in range(self.n_clusters):
            inside = self.tail[i](input).log_softmax(1)
            parts.append(inside + head[:, self.shortlist_size + i].unsqueeze(1))
        return plait.cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """The most probable class of each row: (N, in_features) -> (N,).

        Clusters are only looked into for the rows whose head names them.
        """
        head = self.head(input)
        best = head.argmax(1)
        outside = best >= self.shortlist_size
        if not bool(outside.any()):
            return best
        if bool(outside.all()):
            return self.log_prob(input).argmax(1)
        rows = outside.nonzero().squeeze(1)
        best = best.clone()
        best[rows] = self.log_prob(input[rows]).argmax(1)
        return best
