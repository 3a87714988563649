"""Losses that are composites of ops; `plait.nn.functional` hands them on."""

from __future__ import annotations

import plait
from plait import Tensor
from plait._autocast import one_op

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


def _reduced(
    who: str, loss: Tensor, reduction: str, size_average: bool | None = None, reduce: bool | None = None
) -> Tensor:
    if size_average is not None or reduce is not None:
        from .functional import _legacy_reduction

        reduction = _legacy_reduction(size_average, reduce)
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction != "none":
        raise ValueError(f"{who}: reduction should be 'none', 'mean' or 'sum', got {reduction!r}")
    return loss


def _softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)) without overflow, for every x."""
    return x.clamp(min=0) + plait.log1p(plait.exp(-x.abs()))


@one_op(cpu="float32", cuda="float32")
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """log(1 + exp(-target input)), for targets 1 and -1."""
    return _reduced("soft_margin_loss", _softplus(-target * input), reduction, size_average, reduce)


@one_op()
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """The mean over the last dimension of the cross-entropy of sigmoid(input), for targets 0 and 1."""
    loss = target * _softplus(-input) + (1 - target) * _softplus(input)
    if weight is not None:
        loss = loss * weight
    return _reduced("multilabel_soft_margin_loss", loss.mean(-1), reduction, size_average, reduce)


@one_op(cpu="float32", cuda="float32")
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum over c != t of weight_t max(0, margin - x_t + x_c)^p / C: (N, C), (C) or (), classes (N) or ()."""
    if p not in (1, 2):
        raise ValueError(f"multi_margin_loss: p should be 1 or 2, got {p}")
    lone = input.dim() < 2
    x, t = (input.reshape(1, -1), target.reshape(-1)) if lone else (input, target)
    if x.dim() != 2 or tuple(t.shape) != (x.shape[0],):
        raise RuntimeError(
            f"multi_margin_loss: expected input (N, C) and target (N), got {tuple(input.shape)} and "
            f"{tuple(target.shape)}"
        )
    loss = plait._C.ops["_multi_margin"](x, t, weight, p, margin)
    return _reduced("multi_margin_loss", loss.squeeze(0) if lone else loss, reduction, size_average, reduce)


@one_op(cpu="float32", cuda="float32")
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """sum over labels j, others i of max(0, 1 - x_j + x_i) / C; each row of the target lists labels, closed
    by -1.
    """
    if input.shape != target.shape or input.dim() > 2:
        raise RuntimeError(
            "multilabel_margin_loss: expected input and target of one shape, (N, C), (C) or (), got "
            f"{tuple(input.shape)} and {tuple(target.shape)}"
        )
    lone = input.dim() < 2
    x, t = (input.reshape(1, -1), target.reshape(1, -1)) if lone else (input, target)
    loss = plait._C.ops["_multilabel_margin"](x, t)
    return _reduced(
        "multilabel_margin_loss", loss.squeeze(0) if lone else loss, reduction, size_average, reduce
    )


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, d(a, p) - d(a, n) + margin); `swap` takes the nearer of d(a, n) and d(p, n) (Balntas et al.
    2016).
    """
    if margin <= 0:
        raise ValueError(f"triplet_margin_with_distance_loss: margin should be above 0, got {margin}")
    if not anchor.dim() == positive.dim() == negative.dim():
        raise RuntimeError(
            "triplet_margin_with_distance_loss: expected tensors of equal numbers of dimensions, got shapes "
            f"{tuple(anchor.shape)}, {tuple(positive.shape)}, {tuple(negative.shape)}"
        )
    distance = plait.pairwise_distance if distance_function is None else distance_function
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = plait.minimum(far, distance(positive, negative))
    return _reduced("triplet_margin_with_distance_loss", (margin + near - far).clamp(min=0), reduction)


def _lengths(who: str, value: Any, n: int, most: int) -> list[int]:
    given = value.reshape(-1).tolist() if isinstance(value, Tensor) else value
    if any(isinstance(v, float) for v in given):
        raise TypeError(f"ctc_loss: {who} should be integers, got {given}")
    values = [int(v) for v in given]
    if len(values) != n or any(not 0 <= v <= most for v in values):
        raise ValueError(f"ctc_loss: {who} should hold {n} lengths from 0 to {most}, got {values}")
    return values


@one_op(cpu="float32", cuda="float32")
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """-log of the summed probability of all alignments of each target (Graves et al. 2006, eq. 6 to 8).

    log_probs (T, N, C) or (T, C); targets (N, S), (S) or all in one row; lengths (N). The mean divides each
    loss by the length of its target first.
    """
    lone = log_probs.dim() == 2
    if lone:
        log_probs, targets = log_probs.unsqueeze(1), targets.reshape(1, -1)
        input_lengths = [input_lengths] if not hasattr(input_lengths, "__len__") else input_lengths
        target_lengths = [target_lengths] if not hasattr(target_lengths, "__len__") else target_lengths
    if log_probs.dim() != 3:
        raise RuntimeError(f"ctc_loss: expected log_probs (T, N, C) or (T, C), got {tuple(log_probs.shape)}")
    steps, n, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise ValueError(f"ctc_loss: blank should be one of the {classes} classes, got {blank}")
    reach = _lengths("input_lengths", input_lengths, n, steps)
    most = targets.numel() if targets.dim() == 1 else targets.shape[1]
    sizes = _lengths("target_lengths", target_lengths, n, most)
    from ._ctc import each_loss

    loss = each_loss(log_probs, targets, reach, sizes, blank)
    if zero_infinity:
        loss = plait.where(loss == float("inf"), plait.zeros_like(loss), loss)
    if reduction == "mean":
        each = [max(s, 1) for s in sizes]
        return (loss / plait.tensor(each, dtype=loss.dtype, device=loss.device)).mean()
    return _reduced("ctc_loss", loss.squeeze(0) if lone else loss, reduction)


def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """The p-norm distances of the rows of input (N, M), each pair once: (N (N - 1) / 2), in the order (0, 1),
    (0, 2), ..., (1, 2), ...

    >>> plait.nn.functional.pdist(plait.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 4.0]]))
    tensor([5., 4., 3.])
    """
    if input.dim() != 2:
        raise ValueError(
            f"pdist: expected input of shape (N, M), got {tuple(input.shape)}; cdist takes batches"
        )
    if p < 0:
        raise ValueError(f"pdist: expected p >= 0, got {p}; 2.0 is the Euclidean distance")
    if input.dtype in (plait.float16, plait.bfloat16):
        return pdist(input.float(), p).to(input.dtype)
    return plait._C.ops["_pdist"](input, p)


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
) -> Tensor:
    """cross_entropy(linear(input, linear_weight, linear_bias), target, ...): input (N, in) or (in), the
    weight (C, in), classes (N) or (), or probabilities (N, C). A weight (C, *places, in) of more dimensions
    and a bias (C, *places) give logits for each of these places, of batched input, and take targets
    (N, *places) or (N, C, *places). PyTorch's `options` say how to cut the logits into chunks; they change no
    result, and are not read: the logits are made whole. `ignore_index` with probabilities raises
    ValueError.

    >>> x, w = plait.tensor([[1.0, 0.0]]), plait.tensor([[2.0, 0.0], [0.0, 2.0]])
    >>> plait.nn.functional.linear_cross_entropy(x, w, plait.tensor([0]))
    tensor(0.1269)
    """
    shape = tuple(linear_weight.shape)
    classes, features = shape[:-1], shape[-1] if shape else 0
    many = len(classes) > 1
    if len(shape) < 2 or input.dim() not in ((2,) if many else (1, 2)) or input.shape[-1] != features:
        raise ValueError(
            "linear_cross_entropy: expected input (N, in), or (in,) where the weight has two dimensions, and "
            f"linear_weight (C, ..., in), got {tuple(input.shape)} and {shape}"
        )
    if linear_bias is not None and tuple(linear_bias.shape) != classes:
        raise ValueError(
            f"linear_cross_entropy: expected linear_bias of shape {classes}, got {tuple(linear_bias.shape)}"
        )
    wanted = (*input.shape[:-1], *classes)
    if ignore_index is not None and tuple(target.shape) == wanted:
        raise ValueError(
            "linear_cross_entropy: ignore_index names a class: expected targets that are classes, got "
            f"probabilities of shape {tuple(target.shape)}"
        )
    if many:
        linear_weight = linear_weight.reshape(-1, features)
        linear_bias = None if linear_bias is None else linear_bias.reshape(-1)
    logits = plait.linear(input, linear_weight, linear_bias)
    logits = logits.reshape(wanted) if many else logits
    return plait.nn.functional.cross_entropy(
        logits,
        target,
        weight,
        ignore_index=-100 if ignore_index is None else ignore_index,
        reduction=reduction,
        label_smoothing=label_smoothing,
    )
