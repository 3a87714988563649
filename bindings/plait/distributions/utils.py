"""What the distributions share: parameters broadcast together, probabilities and logits."""

from __future__ import annotations

from numbers import Number

import plait
from plait import Size, Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["broadcast_all", "clamp_probs", "lazy_property", "logits_to_probs", "probs_to_logits"]


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


def probs_to_logits(probs: Tensor, is_binary: bool = False) -> Tensor:
    """log p, or the log odds log(p / (1 - p))."""
    p = clamp_probs(probs)
    return p.log() - (-p).log1p() if is_binary else p.log()


def logits_to_probs(logits: Tensor, is_binary: bool = False) -> Tensor:
    """The softmax over the last dimension, or the sigmoid."""
    return plait.sigmoid(logits) if is_binary else plait.softmax(logits, -1)


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
