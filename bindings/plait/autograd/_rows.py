"""The rows of a Jacobian, by one backward pass for many."""

from __future__ import annotations

import plait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from plait import Tensor

# Elements of the unit vectors that a pass begins with, and so about what each step of it holds.
_MOST = 1 << 24


def rows(
    y: Tensor, inputs: Sequence[Tensor], create_graph: bool, chunk_size: int | None = None
) -> list[Tensor | None]:
    """For each input the derivatives of all elements of y, of shape y.shape + input.shape; None where y does
    not depend on it. The graph stays.
    """
    count = y.numel()
    if not y.requires_grad or count == 0:
        return [None] * len(inputs)
    step = max(1, min(chunk_size or count, count, _MOST // count))
    parts: list[Any] = []
    for start in range(0, count, step):
        some = min(step, count - start)
        units = plait.eye(some, dtype=y.dtype, device=y.device)
        if some < count:
            units = plait.constant_pad_nd(units, (start, count - start - some))
        units = units.reshape((some, *y.shape))
        parts.append(
            plait.autograd.grad(
                y,
                inputs,
                units,
                retain_graph=True,
                create_graph=create_graph,
                allow_unused=True,
                is_grads_batched=True,
            )
        )
    found = []
    for x, columns in zip(inputs, zip(*parts, strict=True), strict=True):
        whole = columns[0] if len(columns) == 1 or columns[0] is None else plait.cat(columns)
        found.append(None if whole is None else whole.reshape((*y.shape, *x.shape)))
    return found
