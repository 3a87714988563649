"""`embedding_bag`; `plait.nn.functional` hands it on."""

from __future__ import annotations

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Sums, means or maxima of bags of rows of `weight` (V, D): (B, N), or (total,) with offsets (B) -> (B,
    D).

    An empty bag gives zeros. `padding_idx` is left out of sums, means and maxima.
    """
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"embedding_bag: mode should be 'sum', 'mean' or 'max', got {mode!r}")
    if sparse:
        raise NotImplementedError("embedding_bag: plait has no sparse gradients; use sparse=False")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(f"embedding_bag: per_sample_weights needs mode='sum', got mode={mode!r}")
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: per_sample_weights should have the shape of input, {tuple(input.shape)}, got "
            f"{tuple(per_sample_weights.shape)}"
        )
    device = input.device
    of_one_size = input.dim() == 2 and input.shape[1] > 0 and padding_idx is None
    if input.dim() == 2:
        if offsets is not None:
            raise ValueError(
                "embedding_bag: offsets should be None where input has 2 dimensions, each row is a bag"
            )
        n_bags = input.shape[0]
        if not of_one_size:
            bag = plait.arange(n_bags, device=device).repeat_interleave(input.shape[1])
        indices = input.reshape(-1)
    elif input.dim() == 1:
        if offsets is None or offsets.dim() != 1:
            raise ValueError("embedding_bag: input of 1 dimension needs offsets, a tensor of 1 dimension")
        indices = input
        starts = offsets.to(plait.int64)
        if include_last_offset:
            starts = starts[:-1]
        n_bags = starts.shape[0]
        if n_bags and int(starts[0]) != 0:
            raise ValueError(f"embedding_bag: offsets should begin with 0, got {int(starts[0])}")
        # each element belongs to the last bag that begins at or before it
        bag = plait.searchsorted(starts, plait.arange(indices.shape[0], device=device), right=True) - 1
    else:
        raise ValueError(
            f"embedding_bag: input should have 1 or 2 dimensions, got shape {tuple(input.shape)}"
        )
    indices = indices.to(plait.int64)
    if per_sample_weights is not None:
        per_sample_weights = per_sample_weights.reshape(-1)
    if padding_idx is not None:
        n_rows = weight.shape[0]
        if not -n_rows <= padding_idx < n_rows:
            raise ValueError(
                f"embedding_bag: padding_idx should be in [{-n_rows}, {n_rows}), the rows of weight, got "
                f"{padding_idx}"
            )
        padding_idx %= n_rows
        kept = (indices != padding_idx).nonzero().reshape(-1)
        indices, bag = indices[kept], bag[kept]
        if per_sample_weights is not None:
            per_sample_weights = per_sample_weights[kept]
    from .functional import embedding, renorm_rows_

    if mode != "max":
        if max_norm is not None:
            renorm_rows_(weight, indices, max_norm, norm_type)
        if per_sample_weights is not None and per_sample_weights.dtype != weight.dtype:
            per_sample_weights = per_sample_weights.to(weight.dtype)
        bags = plait._C.ops["_embedding_bag"]
        if of_one_size:
            counts: Any = input.shape[1]
            each = None if per_sample_weights is None else per_sample_weights.reshape(input.shape)
            total = bags(weight, indices.reshape(input.shape), None, each, scale_grad_by_freq)
        else:
            ends = plait.searchsorted(bag, plait.arange(n_bags + 1, device=device))
            counts = ends.diff().clamp(min=1).to(weight.dtype).unsqueeze(1)
            total = bags(weight, indices, ends, per_sample_weights, scale_grad_by_freq)
        return total / counts if mode == "mean" else total
    rows = embedding(indices, weight, None, max_norm, norm_type, scale_grad_by_freq)
    if of_one_size:
        return rows.reshape(*input.shape, -1).max(1)[0]
    zeros = plait.zeros((n_bags, weight.shape[1]), dtype=rows.dtype, device=device)
    place = bag.unsqueeze(1).expand(rows.shape)
    return zeros.scatter_reduce(0, place, rows, "amax", include_self=False)
