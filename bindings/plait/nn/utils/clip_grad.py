"""Clipping of gradients, by norm and by value."""

from __future__ import annotations

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["clip_grad_norm", "clip_grad_norm_", "clip_grad_value_", "clip_grads_with_norm_", "get_total_norm"]


def _grads(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    if isinstance(parameters, Tensor):
        parameters = [parameters]
    return [p.grad for p in parameters if p.grad is not None]


def _by_kind(tensors: list[Tensor]) -> list[list[Tensor]]:
    """The tensors in groups of one device and dtype."""
    groups: dict = {}
    for t in tensors:
        groups.setdefault((str(t.device), t.dtype), []).append(t)
    return list(groups.values())


def get_total_norm(
    tensors: Tensor | Iterable[Tensor],
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """The norm of all tensors together, as if they were one vector; a 0-d tensor, so nothing waits for it.

    Raises RuntimeError, with `error_if_nonfinite`, where it is not finite.

    >>> plait.nn.utils.get_total_norm([plait.tensor([3.0]), plait.tensor([4.0])])
    tensor(5.)
    """
    tensors = [tensors] if isinstance(tensors, Tensor) else list(tensors)
    if not tensors:
        return plait.tensor(0.0)
    norm_type = float(norm_type)
    with plait.no_grad():
        norms = [plait._total_norm(group, norm_type) for group in _by_kind(tensors)]
        total = norms[0]
        if len(norms) > 1:
            first = tensors[0].device
            total = plait.norm(plait.stack([n.to(first).to(plait.float32) for n in norms]), norm_type)
    if error_if_nonfinite and not bool(plait.isfinite(total)):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite "
            f"({total.item()}), so it "
            "cannot be clipped. To disable this error and scale the gradients by the non-finite norm anyway, "
            "set `error_if_nonfinite=False`"
        )
    return total


def clip_grads_with_norm_(
    parameters: Tensor | Iterable[Tensor], max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Scales the gradients by max_norm / total_norm, where that is below 1."""
    grads = _grads(parameters)
    if not grads:
        return
    with plait.no_grad():
        scale = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for group in _by_kind(grads):
            plait._foreach_mul_(group, scale.to(group[0].device))


def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scales the gradients in place so that their norm, all together, is at most `max_norm`; gives the norm
    before.

    >>> p = plait.nn.Parameter(plait.zeros(2)); p.grad = plait.tensor([3.0, 4.0])
    >>> plait.nn.utils.clip_grad_norm_([p], 1.0), [round(g, 3) for g in p.grad.tolist()]
    (tensor(5.), [0.6, 0.8])
    """
    parameters = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    total = get_total_norm(_grads(parameters), norm_type, error_if_nonfinite)
    clip_grads_with_norm_(parameters, max_norm, total)
    return total


def clip_grad_value_(
    parameters: Tensor | Iterable[Tensor], clip_value: float, foreach: bool | None = None
) -> None:
    """Holds each element of the gradients between -clip_value and clip_value, in place."""
    bound = float(clip_value)
    with plait.no_grad():
        for grad in _grads(parameters):
            grad.clamp_(min=-bound, max=bound)


clip_grad_norm = clip_grad_norm_
"""The name of clip_grad_norm_ in old programs."""
