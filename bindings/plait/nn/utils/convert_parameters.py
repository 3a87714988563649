"""Parameters as one vector, and back."""

from __future__ import annotations

import plait
from plait import Tensor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["parameters_to_vector", "vector_to_parameters"]


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """All parameters, flattened and joined.

    >>> plait.nn.utils.parameters_to_vector(plait.nn.Linear(2, 3).parameters()).shape
    plait.Size([9])
    """
    return plait.cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Gives each parameter its slice of `vec`. Raises where `vec` is too short or too long."""
    if not isinstance(vec, Tensor):
        raise TypeError(f"vector_to_parameters: vec should be a Tensor, got {type(vec).__name__}")
    parameters = list(parameters)
    needed = sum(p.numel() for p in parameters)
    if vec.numel() != needed or vec.dim() != 1:
        raise ValueError(
            f"vector_to_parameters: vec should have shape ({needed},) for these parameters, got "
            f"{tuple(vec.shape)}"
        )
    start = 0
    for p in parameters:
        p.data = vec[start : start + p.numel()].view_as(p).data
        start += p.numel()
